package dev.ioasid.machine;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ioasid.Architecture;
import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Explanation;
import dev.ioasid.iommu.Fault;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Translation;
import dev.ioasid.machine.DmaOrder.Target;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.pagetable.Permissions;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** DMA from device to device: directly within a group, through the unit otherwise. */
@ParameterizedClass
@EnumSource
class PeerToPeerTest {
    private static final long MEMORY = 256L << 20;
    private static final AddressRange HOLE = new AddressRange(0x800_0000L, 0x8ff_ffffL);
    /** Where the region of each device is. */
    private static final long BAR1 = 0x1_0000_0000L;

    private static final long BAR2 = 0x1_0001_0000L;
    private static final long BAR3 = 0x800_0000L; // in the hole

    private static final Rid ONE = new Rid(0, 0x3a, 0, 0);
    private static final Rid TWO = new Rid(0, 0x3a, 0, 1);
    private static final Rid ALONE = new Rid(0, 0x3b, 0, 0);

    private final Architecture architecture;
    private Machine machine;

    PeerToPeerTest(Architecture architecture) {
        this.architecture = architecture;
    }

    /** Two devices in group 7, one in another; IOASID 1 for the group, 2 for the other. */
    @BeforeEach
    void make() {
        machine = Machine.create("m", MEMORY, List.of(HOLE), Preset.EMPTY);
        machine.apply(new Command.CreateIommu("iommu0", true, architecture.capabilities()));
        device(ONE, 7, AddressRange.of(BAR1, 0x2000));
        device(TWO, 7, AddressRange.of(BAR2, 0x1000), AddressRange.of(BAR2 + 0x1000, 0x3000));
        device(ALONE, null, AddressRange.of(BAR3, 0x1000));
        for (var rid : List.of(ONE, ALONE)) {
            machine.apply(new Command.CreateIoasid(IoasidType.PAGING, null, null, null, null));
            machine.apply(new Command.Attach(Route.of(rid), rid == ONE ? 1 : 2, Replace.ALLOWED));
        }
    }

    @AfterEach
    void close() {
        machine.close();
    }

    private void device(Rid rid, @Nullable Integer group, AddressRange... regions) {
        machine.apply(new Command.CreateDevice(
                rid, "iommu0", new DeviceTraits(null, 8, true, false, group, List.of(), null, List.of(regions))));
    }

    private void map(int ioasid, long iova, long physical) {
        machine.apply(
                new Command.Map(ioasid, List.of(new MapRequest(iova, 0x1000L, Permissions.READ_WRITE, physical))));
    }

    private DmaResult write(Rid rid, long iova, int... bytes) {
        return dma(rid, DmaOrder.write(DmaRequest.NO_PASID, iova, bytes(bytes)));
    }

    private static Fault fault(DmaResult result) {
        return requireNonNull(result.fault());
    }

    private DmaResult dma(Rid rid, DmaOrder order) {
        return machine.apply(new Command.StartDma(rid, order)).results().getFirst();
    }

    private static byte[] bytes(int... values) {
        var bytes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[i] = (byte) values[i];
        }
        return bytes;
    }

    private byte[] region(Rid rid, int region, long offset, int length) {
        return machine.read(view -> view.readRegion(rid, region, offset, length));
    }

    private static DmaRequest request(Rid rid, long iova) {
        return new DmaRequest(rid, DmaRequest.NO_PASID, iova, Access.WRITE, false);
    }

    private Explanation explain(Rid rid, long iova) {
        return machine.read(view -> view.explain(request(rid, iova)));
    }

    private List<?> faults() {
        return machine.read(view -> view.faults("iommu0"));
    }

    private Object counts() {
        return machine.read(view -> view.caches("iommu0"));
    }

    @Test
    void withinAGroupTheUnitNeverSeesIt() {
        var before = counts();
        assertThat(write(ONE, BAR2 + 0xffe, 1, 2, 3, 4).status()).isEqualTo(DmaResult.Status.COMPLETED);
        assertThat(region(TWO, 0, 0xffe, 2)).containsExactly(1, 2);
        assertThat(region(TWO, 1, 0, 2)).containsExactly(3, 4);
        var read = dma(ONE, DmaOrder.read(5, BAR2 + 0xfff, 2)); // the prefix does not matter to it
        assertThat(read.data()).containsExactly(2, 3);
        assertThat(counts()).isEqualTo(before);
        assertThat(faults()).isEmpty();

        var explanation = explain(ONE, BAR2 + 0x234);
        assertThat(explanation.result())
                .isEqualTo(new Translation.Translated(BAR2 + 0x234, 0x1000, new Permissions(true, true, true, false)));
        assertThat(explanation.steps()).singleElement().satisfies(step -> {
            assertThat(step.structure()).isEqualTo("peer-to-peer");
            assertThat(step.decision())
                    .isEqualTo("0x100010234 lies in region 0 of 0000:3a:00.1, which is in group 7 as well: the request "
                            + "goes there, and iommu0 never sees it");
        });
        assertThat(machine.apply(new Command.Translate(List.of(request(ONE, BAR2 + 0x234)))))
                .containsExactly(explanation.result());
    }

    /** The address is an IOVA like any other. */
    @Test
    void fromAnotherGroupItGoesUp() {
        var refused = write(ALONE, BAR2, 1);
        assertThat(refused.status()).isEqualTo(DmaResult.Status.FAULTED);
        assertThat(faults()).hasSize(1);
        assertThat(explain(ALONE, BAR2).steps().getFirst().decision())
                .isEqualTo("0x100010000 lies in region 0 of 0000:3a:00.1, but nobody shares the device's group, so all "
                        + "is redirected (ACS): the request goes up to iommu0");
        assertThat(explain(ONE, BAR3).steps().getFirst().decision())
                .isEqualTo("0x8000000 lies in region 0 of 0000:3b:00.0, but that is not in group 7, so it is "
                        + "redirected (ACS): the request goes up to iommu0");

        map(2, BAR2, 0x5000);
        assertThat(write(ALONE, BAR2, 9).status()).isEqualTo(DmaResult.Status.COMPLETED);
        assertThat(machine.memory().read(0x5000, 1)).containsExactly(9);
        assertThat(region(TWO, 0, 0, 1)).containsExactly(0);
    }

    @Test
    void whatIsTranslatedToARegionEndsThere() {
        map(2, 0x7000, BAR2 + 0x1000);
        map(1, 0x7000, BAR3);
        assertThat(write(ALONE, 0x7010, 5, 6).transferred()).isEqualTo(2);
        assertThat(region(TWO, 1, 0x10, 2)).containsExactly(5, 6);
        assertThat(write(ONE, 0x7010, 7).transferred()).isEqualTo(1);
        assertThat(region(ALONE, 0, 0x10, 1)).containsExactly(7);
        assertThat(explain(ALONE, 0x7010).steps().getLast().decision())
                .isEqualTo("0x100011010 is offset 0x10 of region 1 of 0000:3a:00.1: the request goes there");
        byte[] seen = machine.read(view -> view.readThrough(2, 0x7010, 2));
        assertThat(seen).containsExactly(5, 6);
        machine.apply(new Command.WriteThrough(2, 0x7010, bytes(8)));
        assertThat(region(TWO, 1, 0x10, 1)).containsExactly(8);

        machine.apply(new Command.DeleteDevice(TWO));
        assertThat(fault(write(ALONE, 0x7010, 1)).name()).isEqualTo("unclaimed");
    }

    @Test
    void nothingComesBackToItsSender() {
        var direct = write(ONE, BAR1 + 4, 1);
        assertThat(fault(direct).name()).isEqualTo("unsupported-request");
        assertThat(fault(direct).recorded()).isFalse();
        assertThat(explain(ONE, BAR1).steps()).hasSize(1);
        assertThat(explain(ONE, BAR1).result()).isInstanceOf(Translation.Faulted.class);

        // alone, the device's address is an IOVA, and only where that leads counts
        assertThat(fault(write(ALONE, BAR3, 1)).recorded()).isTrue();
        map(2, 0x9000, BAR3);
        assertThat(fault(write(ALONE, 0x9000, 1)).name()).isEqualTo("unsupported-request");
        assertThat(explain(ALONE, 0x9000).steps().getLast().decision())
                .endsWith("the device itself: a request does not come back to its sender; unsupported request");
        map(2, BAR3, 0x6000);
        assertThat(write(ALONE, BAR3, 1).status()).isEqualTo(DmaResult.Status.COMPLETED);
        assertThat(region(ALONE, 0, 0, 4)).containsOnly(0);
    }

    /** Whoever has a translation sends that, and not the address. */
    @Test
    void aTranslationThatTheDeviceHasComesFirst() {
        map(1, BAR2, 0x5000);
        machine.apply(new Command.Translate(List.of(new DmaRequest(
                ONE, DmaRequest.NO_PASID, BAR2, Access.WRITE, false, DmaRequest.Kind.TRANSLATION_REQUEST, false))));
        assertThat(explain(ONE, BAR2).steps().getFirst().decision()).contains("the device has a translation of it");
        write(ONE, BAR2, 3);
        assertThat(machine.memory().read(0x5000, 1)).containsExactly(3);
        var translated =
                new DmaRequest(ONE, DmaRequest.NO_PASID, BAR2, Access.WRITE, false, DmaRequest.Kind.TRANSLATED, false);
        assertThat(machine.read(view -> view.explain(translated)).steps()).hasSize(1);
    }

    @Test
    void aTargetStandsForItsBusAddress() {
        var order = new DmaOrder(
                DmaRequest.NO_PASID, 0, new Target(TWO, 1, 0x2ff0), Access.WRITE, false, 0x20, new byte[0x20]);
        var result = dma(ONE, order);
        assertThat(result.transferred()).isEqualTo(0x10); // and not beyond the region's end
        assertThat(result.status()).isEqualTo(DmaResult.Status.FAULTED);
        assertThat(fault(result).address()).isEqualTo(BAR2 + 0x4000);
    }

    @ParameterizedTest
    @CsvSource(useHeadersInDisplayName = true, textBlock = """
            region, offset, errno
            2,      0x0,    ENOENT
            -1,     0x0,    ENOENT
            0,      0x1000, EINVAL
            1,      -1,     EINVAL
            """)
    void aTargetThatIsNotThereIsRefused(int region, String offset, Errno errno) {
        var order = new DmaOrder(
                DmaRequest.NO_PASID, 0, new Target(TWO, region, Long.decode(offset)), Access.READ, false, 1, null);
        assertThatThrownBy(() -> dma(ONE, order))
                .isInstanceOfSatisfying(
                        RefusedException.class,
                        refused -> assertThat(refused.errno()).isEqualTo(errno));
    }

    @ParameterizedTest
    @CsvSource(useHeadersInDisplayName = true, textBlock = """
            address,        length,      errno
            0x200000000,    0x1000,      none
            0x8001000,      0x1000,      none
            0x200000800,    0x1000,      EINVAL
            0x200000000,    0x800,       EINVAL
            0x0,            0x1000,      EINVAL
            0x7fff000,      0x2000,      EINVAL
            0x8fff000,      0x2000,      EINVAL
            0xffff000,      0x2000,      EINVAL
            0xfedff000,     0x2000,      EINVAL
            0xfeeff000,     0x1000,      EINVAL
            0x100001000,    0x10000,     EEXIST
            0xfffff000,     0x100000000, EEXIST
            0x8000000,      0x1000,      EEXIST
            0x10000000000000, 0x1000,    EINVAL
            0x200000000,    0x40000001000, EINVAL
            """)
    void aRegionIsWhereNothingElseIs(String address, String length, String errno) {
        var rid = new Rid(0, 0x40, 0, 0);
        var range = AddressRange.of(Long.decode(address), Long.decode(length));
        var before = state();
        if (errno.equals("none")) {
            device(rid, null, range);
            assertThat(machine.read(view -> view.device(rid)).regions()).containsExactly(range);
            machine.apply(new Command.DeleteDevice(rid));
        } else {
            var first = AddressRange.of(0x3_0000_0000L, 0x1000);
            assertThatThrownBy(() -> device(rid, null, first, range))
                    .isInstanceOfSatisfying(RefusedException.class, refused -> {
                        assertThat(refused.errno()).isEqualTo(Errno.valueOf(errno));
                        assertThat(refused.subjects()).containsEntry("property", "regions[1]");
                    });
            device(rid, null, first); // nothing is left of the attempt
            machine.apply(new Command.DeleteDevice(rid));
        }
        assertThat(state()).isEqualTo(before);
    }

    private List<?> state() {
        return machine.read(view -> List.of(view.devices(), view.summary()));
    }

    @Test
    void whatARegionHoldsCostsSomethingUntilItsDeviceGoes() {
        long before = machine.read(MachineView::summary).committedBytes();
        write(ONE, BAR2, 1);
        assertThat(machine.read(MachineView::summary).committedBytes()).isEqualTo(before + 0x1000);
        machine.apply(new Command.DeleteDevice(TWO));
        assertThat(machine.fabric().committedBytes()).isZero();
        device(TWO, 7, AddressRange.of(BAR2, 0x1000));
        assertThat(region(TWO, 0, 0, 1)).containsExactly(0);
    }
}
