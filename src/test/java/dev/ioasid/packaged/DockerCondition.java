package dev.ioasid.packaged;

import static org.junit.jupiter.api.extension.ConditionEvaluationResult.disabled;
import static org.junit.jupiter.api.extension.ConditionEvaluationResult.enabled;

import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.testcontainers.DockerClientFactory;

/**
 * Skips a test, visibly, where no Docker answers; with {@code -Dioasid.docker=required} that is a failure. The image is
 * made of parts of this machine, so that it must be Linux.
 */
final class DockerCondition implements ExecutionCondition {
    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        if (!System.getProperty("os.name").equals("Linux")) {
            return missing("the image can be made on Linux only");
        }
        if (!DockerClientFactory.instance().isDockerAvailable()) {
            return missing("no Docker answers; eval \"$(docker/up.sh)\" starts one");
        }
        return enabled("Docker answers");
    }

    private static ConditionEvaluationResult missing(String why) {
        if (System.getProperty("ioasid.docker", "optional").equals("required")) {
            throw new IllegalStateException("ioasid.docker=required, but " + why);
        }
        return disabled(why);
    }
}
