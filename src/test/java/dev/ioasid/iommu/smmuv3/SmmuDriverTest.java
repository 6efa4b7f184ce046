package dev.ioasid.iommu.smmuv3;

import static dev.ioasid.iommu.smmuv3.DriverBench.CACHES;
import static dev.ioasid.iommu.smmuv3.DriverBench.DEVICE;
import static dev.ioasid.iommu.smmuv3.DriverBench.IOVA;
import static dev.ioasid.iommu.smmuv3.DriverBench.NO_PASID;
import static dev.ioasid.iommu.smmuv3.DriverBench.OTHER;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.Destination;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Invalidation;
import dev.ioasid.iommu.Invalidation.Cache;
import dev.ioasid.iommu.Invalidation.Granularity;
import dev.ioasid.iommu.IssuedCommand;
import dev.ioasid.iommu.Requester;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.TableIds;
import dev.ioasid.iommu.UserTable;
import dev.ioasid.pagetable.IoPageTable;
import dev.ioasid.pagetable.Permissions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the driver half writes into memory and registers and gives to the queue, and what it refuses. */
class SmmuDriverTest {
    private final DriverBench bench = new DriverBench(SmmuCapabilities.DEFAULT, CACHES);
    private final SmmuDriver driver = bench.driver;

    @AfterEach
    void giveBack() {
        bench.close();
    }

    private static void assertRefused(Errno errno, String words, ThrowingCallable asked) {
        assertThatThrownBy(asked)
                .isInstanceOfSatisfying(
                        RefusedException.class,
                        e -> assertThat(e.errno()).as(e.toString()).isEqualTo(errno))
                .hasMessageContaining(words);
    }

    private Destination.Paged stage1(long physical) {
        return new Destination.Paged(bench.stage1(physical));
    }

    // ---- what is written

    @Test
    void theUnitIsStartedWithTablesAndQueues() {
        assertThat(bench.register("CR0")).isEqualTo(0x1d); // SMMUEN, EVENTQEN, CMDQEN, ATSCHK
        assertThat(bench.register("CR1")).isEqualTo(0xd75);
        assertThat(bench.register("CR2"))
                .as("RECINVSID; without broadcasts there is no PTM")
                .isEqualTo(2);
        assertThat(bench.register("IRQ_CTRL")).isEqualTo(5);
        assertThat(bench.register("STRTAB_BASE_CFG")).isEqualTo(0x1_0210); // two-level, SPLIT 8, 16 bits
        assertThat(bench.register("STRTAB_BASE") >>> 60).isEqualTo(4); // RA
        assertThat(bench.register("CMDQ_BASE") & 0x1f).isEqualTo(8);
        assertThat(bench.register("EVENTQ_BASE") & 0x1f).isEqualTo(8);
        assertThat(bench.register("CMDQ_CONS"))
                .as("CFGI_ALL, EL2_ALL, NSNH_ALL, SYNC")
                .isEqualTo(4);
        long ring = bench.register("CMDQ_BASE") & 0xf_ffff_ffff_f000L;
        assertThat(List.of(
                        bench.memory.acquire(ring),
                        bench.memory.acquire(ring + 8),
                        bench.memory.acquire(ring + 16),
                        bench.memory.acquire(ring + 32),
                        bench.memory.acquire(ring + 48)))
                .containsExactly(4L, 0x1fL, 0x20L, 0x30L, 0x46L);
    }

    /** The words, typed from IHI 0070, sections 5.2 and 5.4. */
    @Test
    void theEntriesAreThoseOfTheSpecification() {
        var own = bench.stage1(0x10_0000);
        driver.attach(DEVICE, 0x1234, new Destination.Paged(own));
        var ste = bench.ste(0x3a11);
        long cds = ste[0] & 0xf_ffff_ffff_ffc0L;
        // V, Config 101, S1Fmt 01, S1CDMax 16
        assertThat(ste[0]).isEqualTo(0x8000_0000_0000_001bL | cds);
        // S1DSS 00, S1CIR 01, S1COR 01, S1CSH 11, EATS 01, SHCFG 01
        assertThat(ste[1]).isEqualTo(0x0000_1000_1000_00d4L);
        assertThat(ste[2]).isZero();
        assertThat(ste[3]).isZero();
        long link = bench.memory.acquire(cds + (0x1234 >>> 6) * 8);
        assertThat(link & 0xfff).isEqualTo(1);
        var cd = bench.words((link & ~0xfffL) + 0x34 * 64);
        // T0SZ 16, IR0, OR0, SH0, EPD1, V, IPS 5, AA64, R, A, ASET, ASID 1
        assertThat(cd[0]).isEqualTo(0x0001_e205_c000_3510L);
        assertThat(cd[1]).isEqualTo(own.root());
        assertThat(cd[2]).isZero();
        assertThat(cd[3]).isEqualTo(0x4_44ffL);

        driver.attach(DEVICE, NO_PASID, new Destination.PassThrough());
        assertThat(bench.ste(0x3a11)[1]).as("past stage 1").isEqualTo(0x0000_1000_1000_00d5L);
        driver.attach(DEVICE, NO_PASID, stage1(0x20_0000));
        assertThat(bench.ste(0x3a11)[1]).as("by CD 0").isEqualTo(0x0000_1000_1000_00d6L);

        var parent = bench.stage2(0x10_0000);
        driver.attach(OTHER, NO_PASID, new Destination.Paged(parent));
        ste = bench.ste(0x3a12);
        assertThat(ste[0]).isEqualTo(0xd);
        assertThat(ste[1]).isEqualTo(0x0000_1000_0000_00d4L); // no ATS
        // VMID 1, S2T0SZ 16, S2SL0 2, S2IR0, S2OR0, S2SH0, S2PS 5, S2AA64, S2R
        assertThat(ste[2]).isEqualTo(0x040d_3590_0000_0001L);
        assertThat(ste[3]).isEqualTo(parent.root());
        driver.attach(OTHER, NO_PASID, new Destination.PassThrough());
        assertThat(bench.ste(0x3a12)[0]).isEqualTo(9);
        assertThat(bench.ste(0x3a12)[2]).isZero();
        driver.detach(OTHER, NO_PASID);
        assertThat(bench.ste(0x3a12)[0]).as("V, and everything is aborted").isEqualTo(1);
        driver.removed(0x3a12);
        assertThat(bench.ste(0x3a12)).containsOnly(0);
    }

    @Test
    void theCdsOfABindLieAtTheTopOfTheParent() {
        var parent = bench.stage2(0x10_0000);
        bench.writeUserTable(0, 0x8000);
        driver.attach(OTHER, NO_PASID, new Destination.Paged(parent));
        driver.attach(DEVICE, 1, bench.nested("bind", parent, 0));
        var ste = bench.ste(0x3a11);
        // two pages of L1CDs for 16 bits, and one of CDs: V, Config 111, S1Fmt 01, S1CDMax 16
        assertThat(ste[0]).isEqualTo(0x8000_0000_0000_001fL | 0xffff_ffff_e000L);
        assertThat(ste[2] & 0xffff).as("VMID").isEqualTo(1);
        assertThat(bench.look(DEVICE, 1)).isEqualTo("0x808abc");
        assertThat(bench.look(OTHER, NO_PASID, 0xffff_ffff_d000L))
                .as("nobody writes there")
                .isEqualTo("F_PERMISSION");
        assertThatThrownBy(() -> parent.map(0xffff_ffff_f000L, 0x1000, 0x20_0000, Permissions.READ))
                .isInstanceOfSatisfying(
                        RefusedException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EEXIST));
        driver.detach(DEVICE, 1);
        assertThat(bench.look(OTHER, NO_PASID, 0xffff_ffff_d000L)).isEqualTo("F_TRANSLATION");
        parent.map(0xffff_ffff_f000L, 0x1000, 0x20_0000, Permissions.READ);
        assertRefused(Errno.EBUSY, "0xffffffffe000", () -> driver.attach(DEVICE, 1, bench.nested("bind", parent, 0)));
        assertThat(bench.look(DEVICE, 1)).isEqualTo("blocked");
        assertThat(bench.ste(0x3a11)[0]).isEqualTo(1);
    }

    /** Whatever a unit takes: each width and granule is walked as it was meant, at both ends. */
    @ParameterizedTest
    @CsvSource({
        "armv8-stage1, 0x1000", "armv8-stage1, 0x4000", "armv8-stage1, 0x10000",
        "armv8-stage2, 0x1000", "armv8-stage2, 0x4000", "armv8-stage2, 0x10000"
    })
    void everyWidthOfEveryGranuleIsWalked(String format, String granuleText) {
        long granule = Long.decode(granuleText);
        for (int width = 32; width <= 48; width++) {
            var shape = driver.tableShape(format, width, granule);
            assertThat(shape.formatName()).isEqualTo(format);
            assertThat(shape.inputBits()).isEqualTo(width);
            var table = bench.table(format, width, granule);
            long last = (1L << width) - granule;
            table.map(last, granule, 0x10_0000, Permissions.READ_WRITE);
            table.map(granule, granule, 0x20_0000, Permissions.READ_WRITE);
            driver.attach(DEVICE, NO_PASID, new Destination.Paged(table));
            assertThat(bench.look(DEVICE, NO_PASID, last))
                    .as(format + " " + width)
                    .isEqualTo("0x100abc");
            assertThat(bench.look(DEVICE, NO_PASID, granule)).isEqualTo("0x200abc");
            table.unmap(last, granule);
            assertThat(bench.look(DEVICE, NO_PASID, last)).isEqualTo("F_TRANSLATION");
            driver.detach(DEVICE, NO_PASID);
            table.close();
        }
        int entryBits = Long.numberOfTrailingZeros(granule) - 3;
        for (int width = 32; format.equals("armv8-stage2") && width <= 48; width++) {
            int levels = driver.tableShape(format, width, granule).format().levels();
            int rootBits = width - Long.numberOfTrailingZeros(granule) - (levels - 1) * entryBits;
            assertThat(rootBits).as("16 tables at most, " + width).isBetween(1, entryBits + 4);
        }
    }

    // ---- what is asked of the queue

    @Test
    void whatChangesIsForgotten() {
        var own = bench.stage1(0x10_0000);
        var parent = bench.stage2(0x20_0000);
        bench.writeUserTable(0, 0x8000);
        driver.attach(OTHER, NO_PASID, new Destination.Paged(own));
        assertThat(bench.asked()).as("attach").containsOnly("cfgi-ste", "cfgi-cd", "sync");
        own.unmap(IOVA, 0x1000);
        assertThat(bench.asked()).as("a page").containsExactly("tlbi-nh-va", "sync", "tlbi-nh-va", "sync");
        driver.changed(own, 0, 0x7_ffff, false);
        assertThat(bench.asked()).containsExactly("tlbi-nh-va", "sync");
        driver.changed(own, 0, (1L << 47) - 1, true);
        assertThat(bench.asked()).containsExactly("tlbi-nh-asid", "sync");
        driver.detach(OTHER, NO_PASID);
        assertThat(bench.asked())
                .endsWith("tlbi-nh-asid", "sync", "stall-term", "sync")
                .startsWith("cfgi-ste", "sync");
        driver.changed(own, IOVA, IOVA + 0xfff, false);
        assertThat(bench.asked()).as("nobody goes through it").isEmpty();

        driver.attach(DEVICE, NO_PASID, new Destination.Paged(parent));
        bench.asked();
        driver.changed(parent, IOVA, IOVA + 0xfff, false);
        assertThat(bench.asked())
                .as("the device keeps translations")
                .containsExactly("tlbi-s2-ipa", "sync", "atc-inv", "sync");
        driver.attach(DEVICE, 1, bench.nested("bind", parent, 0));
        bench.asked();
        driver.changed(parent, IOVA, IOVA + 0xfff, false);
        assertThat(bench.asked())
                .as("what was combined, after the stage 2, and both routes in the device")
                .containsExactly("tlbi-s2-ipa", "sync", "tlbi-nh-all", "sync", "atc-inv", "atc-inv", "sync");
        driver.changed(parent, 0, -1L >>> 16, true);
        assertThat(bench.asked())
                .containsExactly("tlbi-s12-vmall", "sync", "tlbi-nh-all", "sync", "atc-inv", "atc-inv", "sync");
        driver.detach(DEVICE, 1);
        assertThat(bench.asked()).as("unbind").endsWith("tlbi-nh-all", "sync", "atc-inv", "sync");
        driver.detach(DEVICE, NO_PASID);
        assertThat(bench.asked())
                .as("nobody has the VMID, and nothing is to wait")
                .endsWith("tlbi-s12-vmall", "sync", "atc-inv", "sync", "stall-term", "sync");
    }

    /** The words of the commands for ranges, typed from IHI 0070, section 4.4.1.1. */
    @Test
    void rangesAreSaidInFewCommands() {
        var commands = TlbiRanges.of(
                SmmuCapabilities.DEFAULT,
                12,
                0x1000_0000,
                0x1002_9fff,
                (address, range) -> Commands.tlbiNhVa(7, 0x25, address, range, true),
                Commands.tlbiNhAsid(7, 0x25));
        assertThat(commands).hasSize(1);
        // 42 pages: 21 times 2, of any level
        assertThat(commands.get(0)).containsExactly(0x0025_0007_0011_4012L, 0x1000_0401L);
    }

    @Test
    void whatAUserAsksForIsWhatTheUnitIsGiven() {
        var parent = bench.stage2(0x20_0000);
        bench.writeUserTable(0, 0x8000);
        driver.attach(DEVICE, 1, bench.nested("bind", parent, 0, 0x25));
        driver.attach(DEVICE, NO_PASID, new Destination.Paged(parent));
        var range = new Invalidation(Set.of(Cache.IOTLB, Cache.DEV_IOTLB), Granularity.RANGE, 0x1000, 0x1fff, true);
        assertThat(words(driver.invalidate(DEVICE, 1, range)))
                .containsExactly(
                        List.of(0x0025_0001_0000_0012L, 0x1001L),
                        List.of(0x46L, 0L),
                        List.of(0x3a11_0000_1840L, 0x1000L),
                        List.of(0x46L, 0L));
        var pasid = new Invalidation(Set.of(Cache.PASID, Cache.IOTLB), Granularity.PASID, 0, -1, false);
        assertThat(names(driver.invalidate(DEVICE, 1, pasid))).containsExactly("cfgi-cd", "tlbi-nh-asid", "sync");
        assertThat(names(driver.invalidate(DEVICE, NO_PASID, pasid)))
                .containsExactly("cfgi-ste", "tlbi-s12-vmall", "sync");
        var device = new Invalidation(Set.of(Cache.PASID, Cache.IOTLB), Granularity.DEVICE, 0, -1, false);
        assertThat(names(driver.invalidate(DEVICE, 1, device))).containsExactly("cfgi-cd-all", "tlbi-nh-all", "sync");
        assertThat(names(driver.invalidate(parent, range)))
                .containsExactly("tlbi-s2-ipa", "sync", "tlbi-nh-all", "sync", "atc-inv", "atc-inv", "sync");
        assertRefused(Errno.ENOENT, "leads nowhere", () -> driver.invalidate(OTHER, NO_PASID, range));
        driver.attach(OTHER, NO_PASID, new Destination.Paged(parent));
        assertRefused(Errno.EOPNOTSUPP, "ATS", () -> driver.invalidate(OTHER, NO_PASID, range));
    }

    private static List<String> names(List<IssuedCommand> issued) {
        return issued.stream().map(IssuedCommand::name).toList();
    }

    private static List<List<Long>> words(List<IssuedCommand> issued) {
        return issued.stream().map(IssuedCommand::words).toList();
    }

    /** Whatever was cached: what is unmapped is gone, and what is mapped there next is found. */
    @ParameterizedTest
    @CsvSource({"true, 1", "true, 70", "true, 300", "false, 1", "false, 70", "false, 40"})
    void whatIsUnmappedIsNotFoundInAnyCache(boolean ranges, int pages) {
        var unit = DriverBench.with(SmmuCapabilities.DEFAULT, 3, Idr3.RIL, ranges ? 1 : 0);
        try (var own = new DriverBench(unit, CACHES)) {
            var first = own.stage1(0x1000);
            var parent = own.stage2(0x1000);
            own.writeUserTable(0, 0x8000);
            own.driver.attach(OTHER, NO_PASID, new Destination.Paged(first));
            own.driver.attach(DEVICE, NO_PASID, new Destination.Paged(parent));
            own.driver.attach(DEVICE, 1, own.nested("bind", parent, 0));
            long base = IOVA + 0x3_0000;
            long length = pages * 0x1000L;
            for (long physical : new long[] {0x100_0000, 0x200_0000}) {
                for (var table : List.of(first, parent)) {
                    var device = table == first ? OTHER : DEVICE;
                    table.map(base, length, physical, Permissions.READ_WRITE);
                    for (long at = 0; at < length; at += 0x1000) {
                        assertThat(own.look(device, NO_PASID, base + at))
                                .isEqualTo("0x%x".formatted(physical + at + 0xabc));
                    }
                    table.unmap(base, length);
                    for (long at = 0; at < length; at += 0x1000) {
                        assertThat(own.look(device, NO_PASID, base + at)).isEqualTo("F_TRANSLATION");
                    }
                }
            }
            assertThat(own.look(DEVICE, 1)).isEqualTo("0x808abc");
            parent.unmap(0, 0x4_0000);
            assertThat(own.look(DEVICE, 1)).as("nested on it").isEqualTo("F_TRANSLATION");
        }
    }

    // ---- ids

    @Test
    void idsAreLowestFirstAndNobodyFindsWhatTheirLastOwnerLeft() {
        var one = bench.stage1(0x10_0000);
        var two = bench.stage1(0x20_0000);
        driver.attach(DEVICE, 1, new Destination.Paged(one));
        driver.attach(DEVICE, 2, new Destination.Paged(two));
        driver.attach(DEVICE, 3, new Destination.Paged(one));
        assertThat(List.of(asid(1), asid(2), asid(3))).as("one table, one ASID").containsExactly(1L, 2L, 1L);
        assertThat(bench.look(DEVICE, 1)).isEqualTo("0x100abc");
        driver.detach(DEVICE, 1);
        driver.detach(DEVICE, 3);
        var three = bench.stage1(0x30_0000);
        driver.attach(DEVICE, 1, new Destination.Paged(three));
        assertThat(asid(1)).isEqualTo(1);
        assertThat(bench.look(DEVICE, 1)).isEqualTo("0x300abc");
        var parents = new ArrayList<IoPageTable>();
        for (int i = 0; i < 3; i++) {
            parents.add(bench.stage2(0x40_0000 + i * 0x1000));
            driver.attach(OTHER, NO_PASID, new Destination.Paged(parents.get(i)));
            assertThat(bench.ste(0x3a12)[2] & 0xffff)
                    .as("the new one before the old one is free")
                    .isEqualTo(1 + i % 2);
            assertThat(bench.look(OTHER, NO_PASID)).isEqualTo("0x40%xabc".formatted(i));
        }
    }

    private long asid(int pasid) {
        long cds = bench.ste(0x3a11)[0] & 0xf_ffff_ffff_ffc0L;
        return bench.words((bench.memory.acquire(cds) & ~0xfffL) + pasid * 64L)[0] >>> 48;
    }

    @Test
    void asidsAndVmidsRunOut() {
        var unit = DriverBench.with(SmmuCapabilities.DEFAULT, 0, Idr0.ASID16, 0);
        try (var own = new DriverBench(unit, CACHES)) {
            for (int pasid = 1; pasid < 256; pasid++) {
                own.driver.attach(DEVICE, pasid, new Destination.Paged(own.table("armv8-stage1", 32, null)));
            }
            long free = own.frames.freeBytes();
            var oneMore = own.table("armv8-stage1", 32, null);
            assertRefused(Errno.ENOSPC, "8 bits", () -> own.driver.attach(DEVICE, 256, new Destination.Paged(oneMore)));
            oneMore.close();
            assertThat(own.frames.freeBytes()).isEqualTo(free);
            own.driver.detach(DEVICE, 77);
            own.driver.attach(DEVICE, 256, new Destination.Paged(own.table("armv8-stage1", 32, null)));
        }
        var ids = new TableIds("VMIDs", "vmid16", 1, 2);
        var tables = List.of(new Object(), new Object(), new Object());
        tables.forEach(ids::use);
        assertRefused(Errno.ENOSPC, "VMIDs of 2 bits", () -> ids.use(new Object()));
        assertThat(ids.release(tables.get(1))).isTrue();
        assertThat(ids.use(new Object())).isEqualTo(2);
    }

    @Test
    void aUserNamesTheAsidOfHisTable() {
        var parent = bench.stage2(0x20_0000);
        bench.writeUserTable(0, 0x8000);
        bench.writeUserTable(0x4000, 0x9000);
        driver.attach(DEVICE, 1, bench.nested("a", parent, 0, 7));
        driver.attach(OTHER, 1, bench.nested("b", parent, 0, 7)); // the same table
        assertRefused(Errno.EBUSY, "ASID 7", () -> driver.attach(DEVICE, 2, bench.nested("c", parent, 0x4000, 7)));
        driver.attach(DEVICE, 2, bench.nested("c", parent, 0x4000));
        assertThat(bench.look(DEVICE, 2)).isEqualTo("0x809abc");
        driver.detach(OTHER, 1);
        driver.attach(DEVICE, 1, bench.nested("a", parent, 0x4000, 7)); // in place of the only other
        assertThat(bench.look(DEVICE, 1)).isEqualTo("0x809abc");
        assertRefused(Errno.EBUSY, "ASID 7", () -> driver.attach(OTHER, 1, bench.nested("b", parent, 0, 7)));
    }

    // ---- devices that keep translations

    @Test
    void aDeviceThatDoesNotAnswerLosesItsAts() {
        var own = bench.stage1(0x10_0000);
        driver.attach(DEVICE, NO_PASID, new Destination.Paged(own));
        driver.attach(OTHER, NO_PASID, new Destination.Paged(own));
        bench.hardware.setAnswersInvalidations(0x3a11, false);
        var all = new Invalidation(Set.of(Cache.DEV_IOTLB), Granularity.PASID, 0, -1, false);
        assertRefused(Errno.EIO, "0000:3a:02.1", () -> driver.invalidate(DEVICE, NO_PASID, all));
        assertThat(bench.ste(0x3a11)[1]).as("EATS 0").isEqualTo(0x0000_1000_0000_00d6L);
        assertThat(bench.look(DEVICE, NO_PASID)).isEqualTo("0x100abc");
        assertRefused(Errno.EOPNOTSUPP, "ATS", () -> driver.invalidate(DEVICE, NO_PASID, all));
        bench.asked();
        own.unmap(IOVA, 0x1000);
        assertThat(bench.asked()).as("the queue goes on, without the device").doesNotContain("atc-inv");
        driver.attach(DEVICE, 1, new Destination.Paged(own));
        assertThat(bench.ste(0x3a11)[1]).as("and it stays so").isEqualTo(0x0000_1000_0000_00d6L);
    }

    @Test
    void anUnmapIsDoneThoughADeviceDoesNotAnswer() {
        var own = bench.stage1(0x10_0000);
        driver.attach(DEVICE, NO_PASID, new Destination.Paged(own));
        var request = new DmaRequest(
                DEVICE.rid(), NO_PASID, IOVA, Access.READ, false, DmaRequest.Kind.TRANSLATION_REQUEST, false);
        bench.hardware.translate(request);
        bench.hardware.setAnswersInvalidations(0x3a11, false);
        own.unmap(IOVA, 0x1000);
        assertThat(bench.look(DEVICE, NO_PASID)).isEqualTo("F_TRANSLATION");
        assertThat(bench.ste(0x3a11)[1] >>> 28 & 3).as("EATS").isZero();
    }

    // ---- memory

    @Test
    void everyFrameComesBack() {
        var own = bench.stage1(0x10_0000);
        var parent = bench.stage2(0x20_0000);
        bench.writeUserTable(0, 0x8000);
        for (int pasid : new int[] {1, 63, 64, 0xffff}) {
            driver.attach(DEVICE, pasid, new Destination.Paged(own));
            driver.attach(OTHER, pasid, bench.nested("bind" + pasid, parent, 0));
        }
        driver.attach(DEVICE, NO_PASID, new Destination.PassThrough());
        driver.attach(OTHER, NO_PASID, bench.nested("whole", parent, 0));
        var far = new Requester(0x9a91, 0, false, false);
        driver.attach(far, NO_PASID, bench.cdTable("far", parent, 0x1_0000, 0));
        driver.attach(far, NO_PASID, new Destination.Paged(own));
        assertThat(bench.frames.freeBytes()).isLessThan(bench.freeAtFirst);
        driver.close();
        assertThat(bench.register("CR0")).isZero();
        own.close();
        parent.close();
        assertThat(bench.frames.freeBytes()).isEqualTo(bench.freeAtFirst);
    }

    @Test
    void whatOneAttachTakesItsDetachGivesBack() {
        var parent = bench.stage2(0x20_0000);
        var all = Map.of(
                "stage 1",
                stage1(0x10_0000),
                "stage 2",
                new Destination.Paged(parent),
                "nested",
                bench.nested("bind", parent, 0),
                "past both",
                new Destination.PassThrough());
        driver.attach(DEVICE, NO_PASID, new Destination.PassThrough());
        driver.detach(DEVICE, NO_PASID);
        long free = bench.frames.freeBytes();
        all.forEach((name, destination) -> {
            driver.attach(DEVICE, NO_PASID, destination);
            driver.detach(DEVICE, NO_PASID);
            assertThat(bench.frames.freeBytes()).as(name).isEqualTo(free);
        });
    }

    /** Whatever the amount of memory that is left: a change is done, or nothing has changed. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "nothing to stage 1",
                "nothing to stage 2",
                "nothing to nested",
                "stage 1 to another",
                "stage 2 to another",
                "stage 1 to stage 2",
                "stage 2 to nested",
                "nested to stage 1",
                "nested to nested"
            })
    void aChangeThatRunsOutOfMemoryChangesNothing(String which) {
        int done = 0;
        for (int left = 0; left < 30; left++) {
            try (var own = new DriverBench(SmmuCapabilities.DEFAULT, CACHES)) {
                var parent = own.stage2(0x20_0000);
                own.writeUserTable(0, 0x8000);
                own.writeUserTable(0x4000, 0x9000);
                var before = new LinkedHashMap<String, Destination>();
                before.put("stage 1", new Destination.Paged(own.stage1(0x10_0000)));
                before.put("stage 2", new Destination.Paged(parent));
                before.put("nested", own.nested("bind", parent, 0));
                var after = new LinkedHashMap<>(before);
                after.put(
                        "another",
                        new Destination.Paged(
                                which.startsWith("stage 1") ? own.stage1(0x30_0000) : own.stage2(0x30_0000)));
                if (which.startsWith("nested")) {
                    after.put("nested", own.nested("bind", parent, 0x4000));
                }
                var from = before.get(which.split(" to ")[0]);
                var to = after.get(which.split(" to ")[1]);
                if (from != null) {
                    own.driver.attach(DEVICE, NO_PASID, from);
                }
                var sight = own.look(DEVICE, NO_PASID);
                while (own.frames.freeBytes() > (long) left << 12) {
                    own.frames.tryAllocate(0x1000, 0x1000);
                }
                if (to == null) {
                    throw new AssertionError(which);
                }
                try {
                    own.driver.attach(DEVICE, NO_PASID, to);
                    done++;
                    assertThat(own.look(DEVICE, NO_PASID))
                            .as(which + " with " + left)
                            .isNotEqualTo(sight);
                } catch (RefusedException refused) {
                    assertThat(refused.errno()).isEqualTo(Errno.ENOMEM);
                    assertThat(own.look(DEVICE, NO_PASID))
                            .as(which + " with " + left)
                            .isEqualTo(sight);
                    assertThat(own.frames.freeBytes())
                            .as(which + " with " + left)
                            .isEqualTo((long) left << 12);
                    assertThat(done).as("with more memory it goes").isZero();
                }
            }
        }
        assertThat(done).isPositive();
    }

    /** With the pieces that it names, and not a frame more, a route is led back, whatever has become of what it gave up. */
    @ParameterizedTest(name = "{0}, CD2L {1}")
    @CsvSource({
        "stage 1 to another, 1",
        "stage 1 to another, 0",
        "stage 1 to stage 2, 1",
        "stage 1 to stage 2, 0",
        "stage 2 to another, 1",
        "stage 2 to stage 1, 1",
        "nested to another, 1",
        "nested to another, 0",
        "nested to stage 1, 1",
        "nested to stage 1, 0",
        "nested to stage 2, 0"
    })
    void theWayBackTakesNoMoreMemoryThanItSays(String which, long twoLevelCd) {
        try (var own = new DriverBench(DriverBench.with(SmmuCapabilities.DEFAULT, 0, Idr0.CD2L, twoLevelCd), CACHES)) {
            var parent = own.stage2(0x20_0000);
            own.writeUserTable(0, 0x8000);
            own.writeUserTable(0x4000, 0x9000);
            Destination from = switch (which.split(" to ")[0]) {
                case "stage 1" -> new Destination.Paged(own.stage1(0x10_0000));
                case "stage 2" -> new Destination.Paged(parent);
                default -> own.nested("bind", parent, 0);
            };
            Destination to = switch (which) {
                case "stage 1 to another", "nested to stage 1", "stage 2 to stage 1" ->
                    new Destination.Paged(own.stage1(0x30_0000));
                case "nested to another" -> own.nested("bind", parent, 0x4000);
                case "nested to stage 2" -> new Destination.Paged(parent);
                default -> new Destination.Paged(own.stage2(0x30_0000));
            };
            own.driver.attach(DEVICE, NO_PASID, from);
            var sight = own.look(DEVICE, NO_PASID);
            var kept = new LinkedHashMap<Long, Long>();
            for (long bytes : own.driver.wayBack(DEVICE, NO_PASID)) {
                kept.put(own.frames.allocate(bytes, bytes), bytes);
            }
            own.driver.attach(DEVICE, NO_PASID, to);
            assertThat(own.look(DEVICE, NO_PASID)).isNotEqualTo(sight);
            while (own.frames.tryAllocate(0x1000, 0x1000) >= 0) {} // what it gave up is somebody else's by now
            kept.forEach(own.frames::free);

            own.driver.attach(DEVICE, NO_PASID, from);
            assertThat(own.look(DEVICE, NO_PASID)).isEqualTo(sight);
        }
    }

    @Test
    void ofARouteThatLeadsNowhereThereIsNoWayBack() {
        assertThat(driver.wayBack(DEVICE, NO_PASID)).isEmpty();
    }

    // ---- several threads

    /** A table may change at any moment while a route is led elsewhere: no command of either is lost, so nothing stale is found. */
    @Test
    void aTableChangesWhileARouteIsLed() throws InterruptedException {
        boolean met = true;
        for (int moment = 0; met; moment++) {
            try (var own = new DriverBench(SmmuCapabilities.DEFAULT, CACHES)) {
                var shared = own.stage1(0x20_0000);
                own.driver.attach(OTHER, NO_PASID, new Destination.Paged(shared));
                own.driver.attach(DEVICE, NO_PASID, new Destination.Paged(own.stage1(0x10_0000)));
                assertThat(own.look(OTHER, NO_PASID)).isEqualTo("0x200abc");
                assertThat(own.look(DEVICE, NO_PASID)).isEqualTo("0x100abc");
                var changes = new Thread(() -> shared.unmap(IOVA, 0x1000));
                var left = new AtomicInteger(moment);
                own.watched.watch(() -> {
                    if (left.getAndDecrement() == 0) {
                        changes.start();
                        while (changes.getState() != Thread.State.BLOCKED && changes.isAlive()) {
                            Thread.onSpinWait();
                        }
                    }
                });
                own.driver.attach(DEVICE, NO_PASID, new Destination.PassThrough());
                own.watched.watch(null);
                met = left.get() < 0;
                if (met) {
                    changes.join();
                    assertThat(own.look(OTHER, NO_PASID))
                            .as("moment %d", moment)
                            .isEqualTo("F_TRANSLATION");
                    assertThat(own.look(DEVICE, NO_PASID))
                            .as("moment %d", moment)
                            .isEqualTo("0x7f0000000abc");
                }
            }
        }
    }

    // ---- what is refused

    @Test
    void whatAnSmmuCannotDoIsRefused() {
        var own = stage1(0x10_0000);
        var parent = bench.stage2(0x20_0000);
        var other = bench.stage2(0x30_0000);
        var paged = new Destination.Paged(parent);
        var pass = new Destination.PassThrough();
        var cds = bench.cdTable("cds", parent, 0x1_0000, 0);
        assertRefused(Errno.EINVAL, "PASID 0", () -> driver.attach(DEVICE, 0, own));
        assertRefused(Errno.EINVAL, "16 bits", () -> driver.attach(DEVICE, 0x1_0000, own));
        assertRefused(Errno.EOPNOTSUPP, "one stage 2 for a stream", () -> driver.attach(DEVICE, 1, paged));
        assertRefused(Errno.EOPNOTSUPP, "pass-through", () -> driver.attach(DEVICE, 1, pass));
        assertRefused(Errno.EINVAL, "bound without PASID", () -> driver.attach(DEVICE, 1, cds));
        assertRefused(Errno.EINVAL, "no parent", () -> driver.attach(DEVICE, 1, bench.nested("x", own.table(), 0)));
        assertRefused(
                Errno.EINVAL,
                "StreamID 0x10000",
                () -> driver.attach(new Requester(new Rid(0, 0, 0, 0), 0x1_0000, 0, false, false), NO_PASID, own));
        var narrow = bench.table("armv8-stage2", 40, null);
        assertRefused(Errno.EINVAL, "40 bits", () -> driver.attach(DEVICE, 1, bench.nested("x", narrow, 1L << 40)));

        driver.attach(DEVICE, NO_PASID, paged);
        assertRefused(Errno.EOPNOTSUPP, "another", () -> driver.attach(DEVICE, 1, bench.nested("x", other, 0)));
        assertRefused(Errno.EOPNOTSUPP, "another", () -> driver.attach(DEVICE, 1, own));
        assertRefused(Errno.EBUSY, "context descriptors", () -> {
            driver.attach(DEVICE, 1, bench.nested("x", parent, 0));
            driver.attach(DEVICE, NO_PASID, cds);
        });
        assertRefused(Errno.EOPNOTSUPP, "PASID 1 goes through another", () -> driver.attach(DEVICE, NO_PASID, own));
        driver.detach(DEVICE, 1);
        driver.attach(DEVICE, NO_PASID, own);
        assertRefused(
                Errno.EOPNOTSUPP, "goes through none", () -> driver.attach(DEVICE, 1, bench.nested("x", parent, 0)));
        driver.attach(DEVICE, NO_PASID, cds);
        assertRefused(Errno.EBUSY, "context descriptors", () -> driver.attach(DEVICE, 1, bench.nested("x", parent, 0)));
    }

    @Test
    void tablesThatAUnitDoesNotWalkAreRefused() {
        assertRefused(Errno.EOPNOTSUPP, "x86-64", () -> driver.tableShape("x86-64", null, null));
        assertRefused(Errno.EINVAL, "there is no format", () -> driver.tableShape("armv9", null, null));
        assertRefused(Errno.EINVAL, "addressWidth is 49", () -> driver.tableShape("armv8-stage1", 49, null));
        assertRefused(Errno.EINVAL, "addressWidth is 31", () -> driver.tableShape("armv8-stage2", 31, null));
        assertRefused(Errno.EINVAL, "granule", () -> driver.tableShape("armv8-stage2", null, 0x2000L));
        assertRefused(Errno.EOPNOTSUPP, "not nested", () -> user("armv8-stage2", 48, 0, null, null, null));
        assertRefused(Errno.EOPNOTSUPP, "x86-64", () -> user("x86-64", 48, 0, null, null, null));
        assertRefused(Errno.EINVAL, "root 0x800", () -> user("armv8-stage1", 48, 0x800, null, null, null));
        assertRefused(Errno.EINVAL, "addressWidth is 24", () -> user("armv8-stage1", 24, 0, null, null, null));
        assertRefused(Errno.EINVAL, "asid is 65536", () -> user("armv8-stage1", 48, 0, 0x1_0000, null, null));
        assertRefused(Errno.EINVAL, "s1cdmax", () -> user("armv8-stage1", 48, 0, null, 0, null));
        assertRefused(Errno.EINVAL, "asid", () -> user("smmuv3-cd-table", null, 0, 1, 0, null));
        assertRefused(Errno.EINVAL, "s1cdmax is 17", () -> user("smmuv3-cd-table", null, 0, null, 17, null));
        assertRefused(Errno.EINVAL, "s1fmt is 3", () -> user("smmuv3-cd-table", null, 0, null, 4, 3));
        assertRefused(Errno.EINVAL, "0x400", () -> user("smmuv3-cd-table", null, 0x200, null, 4, 0));
        var plain = DriverBench.with(SmmuCapabilities.DEFAULT, 0, Idr0.CD2L, 0);
        var noSecond = DriverBench.with(SmmuCapabilities.DEFAULT, 0, Idr0.S2P, 0);
        var shapes = new SmmuTableShapes(plain);
        assertRefused(
                Errno.EOPNOTSUPP,
                "twoLevelCd",
                () -> shapes.userTable(new UserTable.Wanted("smmuv3-cd-table", null, 0, Set.of(), null, null, 4, 1)));
        assertRefused(
                Errno.EOPNOTSUPP, "stage2", () -> new SmmuTableShapes(noSecond).tableShape("armv8-stage2", null, null));
        var no16k = DriverBench.with(SmmuCapabilities.DEFAULT, 5, Idr5.GRAN16K, 0);
        assertRefused(
                Errno.EOPNOTSUPP, "0x4000", () -> new SmmuTableShapes(no16k).tableShape("armv8-stage1", null, 0x4000L));
    }

    private UserTable user(
            String format,
            @Nullable Integer width,
            long root,
            @Nullable Integer asid,
            @Nullable Integer most,
            @Nullable Integer shape) {
        return driver.userTable(new UserTable.Wanted(format, width, root, Set.of(), null, asid, most, shape));
    }

    /** A user's own table of CDs: the PASIDs that it names, and no others. */
    @Test
    void aUsersCdsSayWherePasidsLead() {
        var parent = bench.stage2(0x20_0000);
        bench.writeUserTable(0, 0x8000);
        bench.writeUserTable(0x4000, 0x9000);
        bench.writeUserCd(0x1_0000, 0, 3);
        bench.writeUserCd(0x1_0000 + 5 * 64, 0x4000, 4);
        driver.attach(DEVICE, NO_PASID, bench.cdTable("cds", parent, 0x1_0000, 3));
        assertThat(bench.look(DEVICE, NO_PASID)).isEqualTo("0x808abc");
        assertThat(bench.look(DEVICE, 5)).isEqualTo("0x809abc");
        assertThat(bench.look(DEVICE, 6)).isEqualTo("blocked");
        parent.unmap(0, 0x4_0000);
        assertThat(bench.look(DEVICE, 5)).as("the CDs are not there any more").isEqualTo("F_TRANSLATION");
        parent.map(0, 0x4_0000, DriverBench.GUEST_MEMORY, Permissions.READ_WRITE);
        assertThat(bench.look(DEVICE, 5)).isEqualTo("0x809abc");
        driver.detach(DEVICE, NO_PASID);
        assertThat(bench.look(DEVICE, 5)).isEqualTo("blocked");
    }

    /** One stage, or queues of one entry, or StreamIDs for which one level is enough. */
    @Test
    void unitsThatHaveLittleAreDrivenToo() {
        var base = SmmuCapabilities.DEFAULT;
        var small = DriverBench.with(DriverBench.with(base, 1, Idr1.CMDQS, 0), 1, Idr1.EVENTQS, 0);
        for (var unit : List.of(
                DriverBench.with(base, 0, Idr0.S2P, 0),
                DriverBench.with(base, 0, Idr0.S1P, 0),
                DriverBench.with(small, 0, Idr0.ATS, 0))) {
            try (var own = new DriverBench(unit, CACHES)) {
                var table = own.table(unit.s1() ? "armv8-stage1" : "armv8-stage2", 0x10_0000);
                own.driver.attach(DEVICE, NO_PASID, new Destination.Paged(table));
                assertThat(own.look(DEVICE, NO_PASID)).isEqualTo("0x100abc");
                table.unmap(IOVA, 0x1000);
                assertThat(own.look(DEVICE, NO_PASID)).isEqualTo("F_TRANSLATION");
                if (!unit.s1()) {
                    assertRefused(
                            Errno.EOPNOTSUPP,
                            "pasidBits",
                            () -> own.driver.attach(DEVICE, 1, new Destination.Paged(table)));
                }
                own.driver.close();
                table.close();
                assertThat(own.frames.freeBytes()).isEqualTo(own.freeAtFirst);
            }
        }
        var narrow = DriverBench.with(base, 1, Idr1.SIDSIZE, 6);
        try (var own = new DriverBench(narrow, CACHES)) {
            var device = new Requester(0x3f, 0, false, false);
            own.driver.attach(device, NO_PASID, new Destination.Paged(own.stage1(0x10_0000)));
            assertThat(own.look(device, NO_PASID)).isEqualTo("0x100abc");
            assertThat(own.register("STRTAB_BASE_CFG")).isEqualTo(6);
        }
        var wide = DriverBench.with(base, 1, Idr1.SIDSIZE, 32);
        try (var own = new DriverBench(wide, CACHES)) {
            var far = new Requester(new Rid(0, 0, 1, 0), 0x10_0000, 0, false, false);
            assertRefused(
                    Errno.EOPNOTSUPP, "20 bits", () -> own.driver.attach(far, NO_PASID, new Destination.PassThrough()));
        }
    }

    @Test
    void aUnitThatIsTakenOverAgainAnswersTheSame() {
        var own = stage1(0x10_0000);
        driver.attach(DEVICE, 7, own);
        driver.close();
        assertThat(bench.look(DEVICE, NO_PASID)).as("off: everything passes").isEqualTo("0x7f0000000abc");
        var next = new SmmuDriver(bench.hardware, bench.memory, bench.frames, bench.readers);
        assertThat(bench.look(DEVICE, 7)).isEqualTo("blocked");
        next.attach(DEVICE, 7, own);
        assertThat(bench.look(DEVICE, 7)).isEqualTo("0x100abc");
        next.close();
    }
}
