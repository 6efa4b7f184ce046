package dev.ioasid;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;

/** Starts the service. */
@SpringBootApplication
public class IoasidApplication {
    public static void main(String[] arguments) {
        SpringApplication.run(IoasidApplication.class, arguments);
    }
}
