package dev.ioasid.web;

import dev.ioasid.errno.Errno;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.UserTable;
import dev.ioasid.machine.BindSummary;
import dev.ioasid.machine.Command;
import dev.ioasid.machine.Route;
import dev.ioasid.service.Machines;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.tags.Tag;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.PutMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;

/** Page tables that users keep. */
@RestController
@RequestMapping("/v1/machines/{machine}/binds")
@Tag(
        name = "binds",
        description = "Page tables that the user keeps, each installed on a route and nested on a paging IOASID.")
class BindController {
    /** What a table is walked with: SRE, WPE and EAFE of VT-d. */
    enum OptionName {
        SUPERVISOR,
        WRITE_PROTECT,
        EXTENDED_ACCESSED;

        private UserTable.Option option() {
            return switch (this) {
                case SUPERVISOR -> UserTable.Option.SUPERVISOR;
                case WRITE_PROTECT -> UserTable.Option.WRITE_PROTECT;
                case EXTENDED_ACCESSED -> UserTable.Option.EXTENDED_ACCESSED;
            };
        }

        static Set<UserTable.Option> options(@Nullable List<OptionName> names) {
            var options = EnumSet.noneOf(UserTable.Option.class);
            if (names != null) {
                names.forEach(name -> options.add(name.option()));
            }
            return options;
        }

        static List<OptionName> names(Set<UserTable.Option> options) {
            return Arrays.stream(values())
                    .filter(name -> options.contains(name.option()))
                    .toList();
        }
    }

    /**
     * {@code root} is an address in the space of {@code parent}; {@code options} are none unless it says otherwise. A table of format
     * {@code smmuv3-cd-table} is for a RID: it has {@code s1cdmax} and {@code s1fmt}, and neither {@code pasid} nor {@code addressWidth},
     * {@code granule}, {@code asid} and {@code options}.
     */
    record NewBind(
            Rid rid,
            @Nullable Pasid pasid,
            int parent,
            FormatName format,
            @Nullable Integer addressWidth,
            Hex root,
            @Nullable List<OptionName> options,
            @Nullable Hex granule,
            @Nullable Integer asid,
            @Nullable Integer s1cdmax,
            @Nullable Integer s1fmt) {
        Command.Bind command() {
            var table = new UserTable.Wanted(
                    WireName.of(format),
                    addressWidth,
                    root.value(),
                    OptionName.options(options),
                    granule == null ? null : granule.value(),
                    asid,
                    s1cdmax,
                    s1fmt);
            return new Command.Bind(new Route(rid, Pasid.orNone(pasid)), parent, table);
        }
    }

    /** What is left out stays as it is, or, if {@code format} is another, becomes as usual for that. */
    record BindTable(
            @Nullable FormatName format,
            @Nullable Integer addressWidth,
            Hex root,
            @Nullable List<OptionName> options,
            @Nullable Hex granule,
            @Nullable Integer asid,
            @Nullable Integer s1cdmax,
            @Nullable Integer s1fmt) {
        Command.ReplaceBind command(int bind) {
            return new Command.ReplaceBind(
                    bind,
                    format == null ? null : WireName.of(format),
                    addressWidth,
                    root.value(),
                    options == null ? null : OptionName.options(options),
                    granule == null ? null : granule.value(),
                    asid,
                    s1cdmax,
                    s1fmt);
        }
    }

    record BindBody(
            int id,
            Rid rid,
            @Nullable Pasid pasid,
            int parent,
            String format,
            @Nullable Integer addressWidth,
            Hex root,
            @Nullable List<OptionName> options,
            @Nullable Hex granule,
            @Nullable Integer asid,
            @Nullable Integer s1cdmax,
            @Nullable Integer s1fmt) {
        static BindBody of(BindSummary bind) {
            var route = RouteBody.of(bind.route());
            var table = bind.table();
            var cdTable = table.cdTable();
            return new BindBody(
                    bind.id(),
                    route.rid(),
                    route.pasid(),
                    bind.parent(),
                    table.format(),
                    table.addressWidth(),
                    new Hex(table.root()),
                    table.options().isEmpty() ? null : OptionName.names(table.options()),
                    table.granule() == null ? null : new Hex(table.granule()),
                    table.asid(),
                    cdTable == null ? null : cdTable.s1cdmax(),
                    cdTable == null ? null : cdTable.s1fmt());
        }
    }

    private final Machines machines;

    BindController(Machines machines) {
        this.machines = machines;
    }

    @Operation(operationId = "createBind", summary = "Install a page table of the user's on a route")
    @Refuses({Errno.ENODEV, Errno.EBUSY, Errno.EADDRINUSE, Errno.ENOSPC, Errno.EOPNOTSUPP, Errno.ENOMEM})
    @PostMapping(consumes = Web.JSON, produces = Web.JSON)
    @ResponseStatus(HttpStatus.CREATED)
    ResponseEntity<BindBody> create(@PathVariable String machine, @RequestBody NewBind body) {
        var bind = machines.apply(machine, body.command());
        return Created.at("/v1/machines/{machine}/binds/{bind}", BindBody.of(bind), machine, bind.id());
    }

    @Operation(operationId = "listBinds", summary = "List the binds, all or those of a parent or of a route")
    @GetMapping(produces = Web.JSON)
    Page<BindBody> list(
            @PathVariable String machine,
            @RequestParam(required = false) @Nullable Integer parent,
            @RequestParam(required = false) @Nullable Rid rid,
            @RequestParam(required = false) @Nullable Pasid pasid,
            @RequestParam(defaultValue = Limit.DEFAULT) Limit limit,
            @RequestParam(required = false) @Nullable Integer after) {
        var binds = machines.read(machine, view -> view.binds()).stream()
                .filter(bind -> parent == null || bind.parent() == parent)
                .filter(bind -> rid == null || bind.route().rid().equals(rid))
                .filter(bind -> pasid == null || bind.route().pasid() == pasid.value())
                .filter(bind -> after == null || bind.id() > after)
                .toList();
        return Page.of(binds, limit, BindBody::of, BindSummary::id);
    }

    @Operation(operationId = "getBind", summary = "Show a bind")
    @GetMapping(path = "/{bind}", produces = Web.JSON)
    BindBody get(@PathVariable String machine, @PathVariable int bind) {
        return BindBody.of(machines.read(machine, view -> view.bind(bind)));
    }

    @Operation(operationId = "replaceBind", summary = "Install another table in place of a bind's, without a gap")
    @Refuses({Errno.EBUSY, Errno.EOPNOTSUPP, Errno.ENOMEM})
    @PutMapping(path = "/{bind}", consumes = Web.JSON, produces = Web.JSON)
    BindBody replace(@PathVariable String machine, @PathVariable int bind, @RequestBody BindTable body) {
        return BindBody.of(machines.apply(machine, body.command(bind)));
    }

    @Operation(
            operationId = "deleteBind",
            summary = "Take a table away: its route is blocked, or leads to the parent if it did before")
    @Refuses(Errno.ENOMEM)
    @DeleteMapping("/{bind}")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void delete(@PathVariable String machine, @PathVariable int bind) {
        machines.apply(machine, new Command.Unbind(bind));
    }
}
