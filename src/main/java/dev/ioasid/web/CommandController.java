package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.machine.Command;
import dev.ioasid.service.Machines;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.tags.Tag;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** Raw commands to an IOMMU. */
@RestController
@RequestMapping("/v1/machines/{machine}/iommus/{iommu}/commands")
@Tag(
        name = "commands",
        description =
                "Raw commands (VT-d's invalidation descriptors), done as if they had come through the IOMMU's queue.")
class CommandController {
    static final int LARGEST_BATCH = 10_000;

    /** Each command has two words of 64 bits, or, where a VT-d queue takes such descriptors, four; lowest first. */
    record CommandsBody(List<List<Hex>> commands) {
        List<List<Long>> words() {
            return Lists.map(commands, command -> Lists.map(command, Hex::value));
        }
    }

    private final Machines machines;

    CommandController(Machines machines) {
        this.machines = machines;
    }

    @Operation(operationId = "submitCommands", summary = "Have raw commands done, in order; the first bad one ends it")
    @Refuses({Errno.EBUSY, Errno.EOPNOTSUPP, Errno.E2BIG})
    @PostMapping(consumes = Web.JSON, produces = Web.JSON)
    InvalidatedBody submit(@PathVariable String machine, @PathVariable String iommu, @RequestBody CommandsBody body) {
        return submit(machine, iommu, body.words());
    }

    @Operation(operationId = "submitCommands", summary = "Have raw commands done, in order; the first bad one ends it")
    @Refuses({Errno.EBUSY, Errno.EOPNOTSUPP, Errno.E2BIG})
    @PostMapping(consumes = Web.BYTES, produces = Web.JSON)
    InvalidatedBody submit(@PathVariable String machine, @PathVariable String iommu, @RequestBody byte[] body) {
        int size = machines.read(machine, view -> view.commandSize(iommu));
        if (body.length % size != 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "%d bytes are not a multiple of %d, the size of a command of this unit as it is set up now"
                            .formatted(body.length, size));
        }
        var bytes = ByteBuffer.wrap(body).order(ByteOrder.LITTLE_ENDIAN);
        var commands = new ArrayList<List<Long>>();
        while (bytes.hasRemaining()) {
            var words = new ArrayList<Long>();
            for (int word = 0; word < size / Long.BYTES; word++) {
                words.add(bytes.getLong());
            }
            commands.add(words);
        }
        return submit(machine, iommu, commands);
    }

    private InvalidatedBody submit(String machine, String iommu, List<List<Long>> commands) {
        if (commands.size() > LARGEST_BATCH) {
            throw new RefusedException(
                    Errno.E2BIG,
                    "%d commands are more than %d, the most of one call".formatted(commands.size(), LARGEST_BATCH),
                    Map.of("limit", Map.of("name", "commands", "value", LARGEST_BATCH)));
        }
        return InvalidatedBody.of(commands.size(), machines.apply(machine, new Command.Submit(iommu, commands)));
    }
}
