package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.machine.Command;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.service.Machines;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.tags.Tag;
import java.util.List;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PutMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** Where addresses of a paging IOASID are allocated, and stay free of reserved regions. */
@RestController
@RequestMapping("/v1/machines/{machine}/ioasids/{ioasid}/allowed-ranges")
@Tag(name = "ioasids")
class AllowedRangesController {
    record AllowedRangesBody(List<RangeBody> ranges) {
        static AllowedRangesBody of(List<AddressRange> ranges) {
            return new AllowedRangesBody(Lists.map(ranges, RangeBody::of));
        }
    }

    private final Machines machines;

    AllowedRangesController(Machines machines) {
        this.machines = machines;
    }

    @Operation(operationId = "getAllowedRanges", summary = "Show where addresses of a paging IOASID are allocated")
    @GetMapping(produces = Web.JSON)
    AllowedRangesBody get(@PathVariable String machine, @PathVariable int ioasid) {
        return AllowedRangesBody.of(machines.read(machine, view -> view.allowedRanges(ioasid)));
    }

    @Operation(
            operationId = "putAllowedRanges",
            summary = "Limit where addresses of a paging IOASID are allocated; an empty list is no limit")
    @Refuses(Errno.EADDRINUSE)
    @PutMapping(consumes = Web.JSON, produces = Web.JSON)
    AllowedRangesBody put(@PathVariable String machine, @PathVariable int ioasid, @RequestBody AllowedRangesBody body) {
        var ranges = Lists.map(body.ranges(), RangeBody::range);
        return AllowedRangesBody.of(machines.apply(machine, new Command.AllowRanges(ioasid, ranges)));
    }
}
