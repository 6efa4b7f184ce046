package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.Machine;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.service.Machines;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.tags.Tag;
import java.io.InputStream;
import java.util.Map;
import java.util.Objects;
import org.springframework.core.io.AbstractResource;
import org.springframework.core.io.ByteArrayResource;
import org.springframework.core.io.Resource;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PutMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;

/** A machine's physical memory, as bytes. */
@RestController
@RequestMapping("/v1/machines/{machine}/memory/{address}")
@Tag(name = "memory", description = "A machine's physical memory, byte for byte as its IOMMUs see it.")
class MemoryController {
    static final String DEFAULT_LENGTH = "0x1000";
    static final long LARGEST_READ = 256L << 20;
    /** Up to here an answer is the memory of one moment; beyond, it is read while it is sent. */
    private static final long LARGEST_SNAPSHOT = 16L << 20;

    private final Machines machines;

    MemoryController(Machines machines) {
        this.machines = machines;
    }

    @Operation(operationId = "readMemory", summary = "Read physical memory")
    @Refuses(Errno.E2BIG)
    @GetMapping(produces = Web.BYTES)
    Resource read(
            @PathVariable String machine,
            @PathVariable Hex address,
            @RequestParam(defaultValue = DEFAULT_LENGTH) Hex length) {
        var range = range(address.value(), length.value());
        if (range.length() <= LARGEST_SNAPSHOT) {
            int bytes = (int) range.length();
            return new ByteArrayResource(machines.read(machine, view -> view.readMemory(range.first(), bytes)));
        }
        var found = machines.machine(machine);
        found.read(view -> {
            view.checkMemory(range);
            return true;
        });
        return new Bytes(found, range);
    }

    @Operation(operationId = "writeMemory", summary = "Write physical memory")
    @PutMapping(consumes = Web.BYTES)
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void write(@PathVariable String machine, @PathVariable Hex address, @RequestBody byte[] bytes) {
        machines.apply(machine, new Command.WriteMemory(address.value(), bytes));
    }

    private static AddressRange range(long address, long length) {
        if (Long.compareUnsigned(length, LARGEST_READ) > 0) {
            throw new RefusedException(
                    Errno.E2BIG,
                    "length 0x%x is more than 0x%x, the most of one call".formatted(length, LARGEST_READ),
                    Map.of("length", length, "limit", Map.of("name", "length", "value", LARGEST_READ)));
        }
        if (length == 0 || Long.compareUnsigned(address, -length) > 0) {
            throw new RefusedException(
                    Errno.EINVAL,
                    "0x%x bytes at 0x%x are none, or go beyond 2^64".formatted(length, address),
                    Map.of("address", address, "length", length));
        }
        return AddressRange.of(address, length);
    }

    /** Memory that is read while it is sent. If the machine is deleted meanwhile, the answer ends there. */
    private final class Bytes extends AbstractResource {
        private final Machine machine;
        private final AddressRange range;

        Bytes(Machine machine, AddressRange range) {
            this.machine = machine;
            this.range = range;
        }

        @Override
        public String getDescription() {
            return "memory " + range;
        }

        @Override
        public long contentLength() {
            return range.length();
        }

        @Override
        public InputStream getInputStream() {
            return new Reader();
        }

        private final class Reader extends InputStream {
            private long sent;

            @Override
            public int read() {
                var one = new byte[1];
                return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
            }

            @Override
            public int read(byte[] target, int offset, int length) {
                Objects.checkFromIndexSize(offset, length, target.length);
                int count = (int) Math.min(length, range.length() - sent);
                if (count == 0) {
                    return length == 0 ? 0 : -1;
                }
                long from = range.first() + sent;
                var bytes = machine.read(view -> view.readMemory(from, count));
                System.arraycopy(bytes, 0, target, offset, count);
                sent += count;
                return count;
            }

            @Override
            public long skip(long count) {
                long skipped = Math.clamp(count, 0, range.length() - sent);
                sent += skipped;
                return skipped;
            }
        }
    }
}
