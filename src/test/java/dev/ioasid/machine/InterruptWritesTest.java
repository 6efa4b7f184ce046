package dev.ioasid.machine;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.CacheGeometry;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.FaultRecord;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.vtd.NamedCapabilities;
import dev.ioasid.iommu.vtd.VtdCapabilities;
import dev.ioasid.pagetable.Permissions;
import java.util.HashMap;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * DMA to 0xfeexxxxx behind a VT-d unit: without PASID a write within one double word is an interrupt, and all else is blocked and recorded.
 * VT-d 5.10, section 3.15. With PASID it is DMA like any other.
 */
class InterruptWritesTest {
    private static final Rid RID = new Rid(0, 0x3a, 0, 0);

    private enum Unit {
        PLAIN(NamedCapabilities.CURRENT_SERVER, 0, false),
        CACHES(NamedCapabilities.CURRENT_SERVER, 8, false),
        PRI(NamedCapabilities.CURRENT_SERVER, 8, true),
        LEGACY(
                new NamedCapabilities(
                        39, null, null, null, false, null, null, null, null, null, null, null, null, null, null, null,
                        null),
                0,
                false);

        private final NamedCapabilities capabilities;
        private final int sets;
        private final boolean pri;

        Unit(NamedCapabilities capabilities, int sets, boolean pri) {
            this.capabilities = capabilities;
            this.sets = sets;
            this.pri = pri;
        }

        /** The page before the window is mapped. */
        Machine machine() {
            var machine = Machine.create("m", 64L << 20, List.of(), Preset.EMPTY);
            var caches = new HashMap<String, CacheGeometry>();
            if (sets != 0) {
                for (var name : List.of("iotlb", "context-cache", "pasid-cache", "device-tlb")) {
                    caches.put(name, new CacheGeometry(sets, 2));
                }
            }
            machine.apply(new Command.CreateIommu("u", true, VtdCapabilities.named(capabilities), caches));
            machine.apply(new Command.CreateIoasid(IoasidType.PAGING, "u", null, null, null));
            machine.apply(new Command.CreateDevice(RID, "u", new DeviceTraits(null, null, pri, pri, null, List.of())));
            machine.apply(new Command.Attach(Route.of(RID), 1, Replace.ALLOWED));
            map(machine, 1, 0xfedf_f000L);
            return machine;
        }
    }

    private static void map(Machine machine, int ioasid, long iova) {
        machine.apply(
                new Command.Map(ioasid, List.of(new MapRequest(iova, 0x1000L, Permissions.READ_WRITE, 0x10_0000L))));
    }

    private static DmaResult write(Machine machine, int pasid, long iova, int length) {
        var data = new byte[length];
        data[length - 1] = 0x5a;
        return machine.apply(new Command.StartDma(RID, DmaOrder.write(pasid, iova, data)))
                .results()
                .getFirst();
    }

    @ParameterizedTest
    @CsvSource(useHeadersInDisplayName = true, textBlock = """
            unit,   iova,     length, moved, code, page
            PLAIN,  fee00000, 4,      4,     ,
            PLAIN,  feeffffc, 4,      4,     ,
            PLAIN,  fee01002, 2,      2,     ,
            PLAIN,  fee00000, 8,      0,     87,   fee00000
            PLAIN,  fee00000, 5,      0,     87,   fee00000
            PLAIN,  fee00002, 4,      0,     87,   fee00000
            PLAIN,  fee02003, 2,      0,     87,   fee02000
            PLAIN,  fee03ffc, 8,      8,     ,
            PLAIN,  fee03ffc, 9,      4,     87,   fee04000
            PLAIN,  fedffff8, 16,     8,     87,   fee00000
            PLAIN,  fedffff8, 12,     12,    ,
            PLAIN,  fee00000, 8192,   0,     87,   fee00000
            CACHES, fee00000, 4,      4,     ,
            CACHES, fee00000, 8,      0,     87,   fee00000
            CACHES, fedffff8, 16,     8,     87,   fee00000
            PRI,    fee00000, 4,      4,     ,
            PRI,    fee00000, 8,      0,     87,   fee00000
            PRI,    fedffff8, 16,     8,     87,   fee00000
            LEGACY, fee00000, 4,      4,     ,
            LEGACY, fee00000, 8,      0,     0E,   fee00000
            """)
    void whatIsNotOneDoubleWordIsNoInterrupt(Unit unit, String iova, int length, int moved, String code, String page) {
        try (var machine = unit.machine()) {
            var result = write(machine, DmaRequest.NO_PASID, Long.parseLong(iova, 16), length);
            assertThat(result.transferred()).isEqualTo(moved);
            var records = machine.read(view -> view.faults("u"));
            if (code == null) {
                assertThat(result.fault()).isNull();
                assertThat(records).isEmpty();
                return;
            }
            int reason = Integer.parseInt(code, 16);
            assertThat(requireNonNull(result.fault()).code()).isEqualTo(reason);
            assertThat(result.fault().recorded()).isTrue();
            assertThat(records)
                    .singleElement()
                    .extracting(FaultRecord::words)
                    .isEqualTo(List.of(Long.parseLong(page, 16), 0x8000_0000_0000_3a00L | (long) reason << 32));
        }
    }

    @Test
    void withPasidItIsDmaLikeAnyOther() {
        try (var machine = Unit.PLAIN.machine()) {
            machine.apply(new Command.CreateIoasid(IoasidType.PAGING, "u", null, null, null));
            machine.apply(new Command.Attach(new Route(RID, 3), 2, Replace.ALLOWED));
            map(machine, 2, 0xfee0_0000L);
            assertThat(write(machine, 3, 0xfee0_0ff0L, 16).fault()).isNull();
            assertThat(machine.memory().read(0x10_0fffL, 1)).containsExactly(0x5a);
        }
    }
}
