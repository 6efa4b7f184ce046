package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.DeviceSummary;
import dev.ioasid.machine.DeviceTraits;
import dev.ioasid.machine.ReservedRegion;
import dev.ioasid.machine.lspci.LspciListing;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.service.Machines;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.responses.ApiResponse;
import io.swagger.v3.oas.annotations.tags.Tag;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PatchMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;

/** The devices of a machine. */
@RestController
@RequestMapping("/v1/machines/{machine}/devices")
@Tag(name = "devices", description = "The devices of a machine, by RID.")
class DeviceController {
    /** Why addresses are reserved. */
    enum RegionType {
        DIRECT,
        DIRECT_RELAXABLE,
        RESERVED,
        MSI,
        SW_MSI;

        static RegionType of(ReservedRegion.Kind kind) {
            return switch (kind) {
                case DIRECT -> DIRECT;
                case DIRECT_RELAXABLE -> DIRECT_RELAXABLE;
                case RESERVED -> RESERVED;
                case MSI -> MSI;
                case SW_MSI -> SW_MSI;
            };
        }

        ReservedRegion.Kind kind() {
            return switch (this) {
                case DIRECT -> ReservedRegion.Kind.DIRECT;
                case DIRECT_RELAXABLE -> ReservedRegion.Kind.DIRECT_RELAXABLE;
                case RESERVED -> ReservedRegion.Kind.RESERVED;
                case MSI -> ReservedRegion.Kind.MSI;
                case SW_MSI -> ReservedRegion.Kind.SW_MSI;
            };
        }
    }

    /** Addresses {@code first} to {@code last}, inclusive, that the device's requests without PASID cannot use. */
    record RegionBody(Hex first, Hex last, RegionType type) {
        static RegionBody of(ReservedRegion region) {
            var range = RangeBody.of(region.range());
            return new RegionBody(range.first(), range.last(), RegionType.of(region.kind()));
        }

        ReservedRegion region() {
            return new ReservedRegion(new RangeBody(first, last).range(), type.kind());
        }
    }

    /** Bus addresses at which the device answers: a BAR. */
    record BarBody(Hex address, Hex length) {
        static BarBody of(AddressRange range) {
            return new BarBody(new Hex(range.first()), new Hex(range.length()));
        }

        AddressRange range() {
            if (length.value() == 0 || Long.compareUnsigned(address.value(), -length.value()) > 0) {
                throw new RefusedException(
                        Errno.EINVAL,
                        "0x%x bytes at 0x%x are none, or go beyond 2^64".formatted(length.value(), address.value()),
                        Map.of("address", address.value(), "length", length.value()));
            }
            return AddressRange.of(address.value(), length.value());
        }
    }

    /**
     * {@code pasidBits} is what the IOMMU takes unless it says otherwise, and 0 stands for no PASID capability; {@code ats}
     * is true unless it says otherwise, and {@code pri} goes with it. At {@code regions} (BARs) it answers other devices' DMA. Devices of the same {@code group} share a RID-level table. Behind an
     * SMMUv3 requests arrive by {@code streamId}, which is bus, device and function unless it says otherwise.
     */
    record NewDevice(
            Rid rid,
            String iommu,
            @Nullable String name,
            @Nullable Integer pasidBits,
            @Nullable Boolean ats,
            @Nullable Boolean pri,
            @Nullable Integer group,
            @Nullable List<RegionBody> reservedRegions,
            @Nullable List<BarBody> regions,
            @Nullable Hex streamId) {
        Command.CreateDevice command() {
            if (streamId != null && streamId.value() >>> Integer.SIZE != 0) {
                throw new RefusedException(
                        Errno.EINVAL,
                        "streamId " + streamId + " has more than 32 bits",
                        Map.of("property", "streamId"));
            }
            var reserved = Lists.map(reservedRegions, RegionBody::region);
            boolean hasAts = ats == null || ats;
            boolean hasPri = pri == null ? hasAts : pri;
            return new Command.CreateDevice(
                    rid,
                    iommu,
                    new DeviceTraits(
                            name,
                            pasidBits,
                            hasAts,
                            hasPri,
                            group,
                            reserved,
                            streamId == null ? null : (int) streamId.value(),
                            Lists.map(regions, BarBody::range)));
        }
    }

    /**
     * {@code invalidationAnswers}: whether the device answers when it is asked to forget translations; {@code pageRequestTimeout}: how long it waits
     * for an answer to a page request, or stalled; {@code pageRequestsPerGroup}: how many pages it asks for at once. What is left out stays.
     */
    record DevicePatch(
            @Nullable Boolean invalidationAnswers,
            @Nullable WaitTime pageRequestTimeout,
            @Nullable Integer pageRequestsPerGroup) {
        DevicePatch {
            if (invalidationAnswers == null && pageRequestTimeout == null && pageRequestsPerGroup == null) {
                throw new RefusedException(
                        Errno.EINVAL,
                        "nothing is to be changed: it takes invalidationAnswers, pageRequestTimeout, pageRequestsPerGroup");
            }
        }

        Command.PatchDevice command(Rid rid) {
            return new Command.PatchDevice(
                    rid,
                    invalidationAnswers,
                    pageRequestTimeout == null ? null : pageRequestTimeout.value(),
                    pageRequestsPerGroup);
        }
    }

    /** {@code pageRequestTimeout} and {@code pageRequestsPerGroup} are there unless they are as usual, 30 s and 1, and {@code regions} if there are any; {@code groupIoasid} translates the group's requests without PASID; there is none while they are blocked. */
    record DeviceBody(
            Rid rid,
            String iommu,
            @Nullable String name,
            @Nullable Hex streamId,
            int group,
            @Nullable Integer groupIoasid,
            int pasidBits,
            boolean ats,
            boolean pri,
            boolean invalidationAnswers,
            @Nullable WaitTime pageRequestTimeout,
            @Nullable Integer pageRequestsPerGroup,
            List<RegionBody> reservedRegions,
            @Nullable List<BarBody> regions,
            List<Pasid> pasids) {
        static DeviceBody of(DeviceSummary device) {
            return new DeviceBody(
                    device.rid(),
                    device.iommu(),
                    device.name(),
                    device.streamId() == null ? null : new Hex(Integer.toUnsignedLong(device.streamId())),
                    device.group(),
                    device.groupIoasid(),
                    device.pasidBits(),
                    device.ats(),
                    device.pri(),
                    device.answersInvalidations(),
                    device.pageRequestTimeout().equals(DeviceTraits.PAGE_REQUEST_TIMEOUT)
                            ? null
                            : new WaitTime(device.pageRequestTimeout()),
                    device.pageRequestsPerGroup() == 1 ? null : device.pageRequestsPerGroup(),
                    Lists.map(device.reservedRegions(), RegionBody::of),
                    device.regions().isEmpty() ? null : Lists.map(device.regions(), BarBody::of),
                    Lists.map(device.pasids(), Pasid::new));
        }
    }

    record ImportedBody(List<DeviceBody> items) {}

    private final Machines machines;

    DeviceController(Machines machines) {
        this.machines = machines;
    }

    @Operation(operationId = "createDevice", summary = "Add a device")
    @Refuses({Errno.EEXIST, Errno.ENOMEM})
    @PostMapping(consumes = Web.JSON, produces = Web.JSON)
    @ResponseStatus(HttpStatus.CREATED)
    ResponseEntity<DeviceBody> create(@PathVariable String machine, @RequestBody NewDevice body) {
        var device = machines.apply(machine, body.command());
        return Created.at("/v1/machines/{machine}/devices/{rid}", DeviceBody.of(device), machine, device.rid());
    }

    @Operation(operationId = "importDevices", summary = "Add the devices that lspci -D -vvv -nn lists, all or none")
    @Refuses({Errno.EEXIST, Errno.ENOMEM})
    @ApiResponse(responseCode = "201", description = "Added")
    @ApiResponse(responseCode = "200", description = "What would be added (dryRun)")
    @PostMapping(path = "/import", consumes = Web.TEXT, produces = Web.JSON)
    @ResponseStatus(HttpStatus.CREATED)
    ResponseEntity<ImportedBody> importAll(
            @PathVariable String machine,
            @RequestParam(required = false) @Nullable String iommu,
            @RequestParam(defaultValue = "false") boolean dryRun,
            @RequestBody String listing) {
        var command = new Command.ImportDevices(iommu, LspciListing.read(listing), dryRun);
        var imported = new ImportedBody(Lists.map(machines.apply(machine, command), DeviceBody::of));
        return dryRun ? ResponseEntity.ok(imported) : Created.at("/v1/machines/{machine}/devices", imported, machine);
    }

    @Operation(operationId = "listDevices", summary = "List the devices")
    @GetMapping(produces = Web.JSON)
    Page<DeviceBody> list(
            @PathVariable String machine,
            @RequestParam(defaultValue = Limit.DEFAULT) Limit limit,
            @RequestParam(required = false) @Nullable Rid after) {
        var devices = machines.read(machine, view -> view.devices()).stream()
                .filter(device -> after == null || device.rid().compareTo(after) > 0)
                .toList();
        return Page.of(devices, limit, DeviceBody::of, DeviceSummary::rid);
    }

    @Operation(operationId = "getDevice", summary = "Show a device")
    @GetMapping(path = "/{rid}", produces = Web.JSON)
    DeviceBody get(@PathVariable String machine, @PathVariable Rid rid) {
        return DeviceBody.of(machines.read(machine, view -> view.device(rid)));
    }

    @Operation(operationId = "patchDevice", summary = "Change how a device answers, and how long it waits")
    @Refuses(Errno.EOPNOTSUPP)
    @PatchMapping(path = "/{rid}", consumes = Web.JSON, produces = Web.JSON)
    DeviceBody patch(@PathVariable String machine, @PathVariable Rid rid, @RequestBody DevicePatch body) {
        return DeviceBody.of(machines.apply(machine, body.command(rid)));
    }

    @Operation(operationId = "deleteDevice", summary = "Remove a device")
    @Refuses(Errno.EBUSY)
    @DeleteMapping("/{rid}")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void delete(@PathVariable String machine, @PathVariable Rid rid) {
        machines.apply(machine, new Command.DeleteDevice(rid));
    }
}
