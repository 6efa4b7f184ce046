package dev.ioasid;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.util.ClassUtils;

/**
 * Starts the service.
 *
 * <p>The build writes down which beans there are ({@code process-aot}), so that a start does not have to find out. Where that
 * was not done, or with {@code -Dspring.aot.enabled=false}, it finds out.
 */
@SpringBootApplication
public class IoasidApplication {
    private static final String ENABLED = "spring.aot.enabled";
    private static final String PREPARED = "dev.ioasid.IoasidApplication__ApplicationContextInitializer";

    public static void main(String[] arguments) {
        boolean preparing = Boolean.getBoolean("spring.aot.processing");
        if (!preparing && System.getProperty(ENABLED) == null && ClassUtils.isPresent(PREPARED, null)) {
            System.setProperty(ENABLED, "true");
        }
        SpringApplication.run(IoasidApplication.class, arguments);
    }
}
