package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.machine.Command;
import dev.ioasid.service.Machines;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.tags.Tag;
import java.util.Map;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PutMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;

/** Bytes as they are seen through a paging IOASID. */
@RestController
@RequestMapping("/v1/machines/{machine}/ioasids/{ioasid}/memory/{iova}")
@Tag(name = "ioasids")
class IoasidMemoryController {
    private static final long LARGEST_READ = 16L << 20;

    private final Machines machines;

    IoasidMemoryController(Machines machines) {
        this.machines = machines;
    }

    @Operation(operationId = "readIoasidMemory", summary = "Read memory through a paging IOASID")
    @Refuses({Errno.E2BIG, Errno.EPERM})
    @GetMapping(produces = Web.BYTES)
    byte[] read(
            @PathVariable String machine,
            @PathVariable int ioasid,
            @PathVariable Hex iova,
            @RequestParam(defaultValue = MemoryController.DEFAULT_LENGTH) Hex length) {
        int bytes = length(length.value());
        return machines.read(machine, view -> view.readThrough(ioasid, iova.value(), bytes));
    }

    static int length(long length) {
        if (Long.compareUnsigned(length, LARGEST_READ) > 0) {
            throw new RefusedException(
                    Errno.E2BIG,
                    "length 0x%x is more than 0x%x, the most of one call".formatted(length, LARGEST_READ),
                    Map.of("length", length, "limit", Map.of("name", "length", "value", LARGEST_READ)));
        }
        if (length == 0) {
            throw new RefusedException(Errno.EINVAL, "length is 0", Map.of("length", length));
        }
        return (int) length;
    }

    @Operation(operationId = "writeIoasidMemory", summary = "Write memory through a paging IOASID")
    @Refuses(Errno.EPERM)
    @PutMapping(consumes = Web.BYTES)
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void write(
            @PathVariable String machine, @PathVariable int ioasid, @PathVariable Hex iova, @RequestBody byte[] bytes) {
        machines.apply(machine, new Command.WriteThrough(ioasid, iova.value(), bytes));
    }
}
