package dev.ioasid;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.util.ClassUtils;

/**
 * Starts the service.
 *
 * <p>Each request has a virtual thread of its own. Those take turns only where one waits, so a long command would keep a processor from everybody
 * else; the threads that carry them are given turns by the operating system. So there are more of those than processors.
 *
 * <p>The build writes down which beans there are ({@code process-aot}), so that a start does not have to find out. Where that
 * was not done, or with {@code -Dspring.aot.enabled=false}, it finds out.
 */
@SpringBootApplication
public class IoasidApplication {
    private static final String ENABLED = "spring.aot.enabled";
    private static final String PREPARED = "dev.ioasid.IoasidApplication__ApplicationContextInitializer";
    private static final String CARRIERS = "jdk.virtualThreadScheduler.parallelism";
    private static final int FEWEST_CARRIERS = 16;

    public static void main(String[] arguments) {
        if (System.getProperty(CARRIERS) == null) { // read when the first virtual thread starts
            int carriers = Math.max(FEWEST_CARRIERS, 4 * Runtime.getRuntime().availableProcessors());
            System.setProperty(CARRIERS, Integer.toString(carriers));
        }
        boolean preparing = Boolean.getBoolean("spring.aot.processing");
        if (!preparing && System.getProperty(ENABLED) == null && ClassUtils.isPresent(PREPARED, null)) {
            System.setProperty(ENABLED, "true");
        }
        SpringApplication.run(IoasidApplication.class, arguments);
    }
}
