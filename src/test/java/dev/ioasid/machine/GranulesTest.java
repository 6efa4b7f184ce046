package dev.ioasid.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.IommuDriver;
import dev.ioasid.iommu.IommuDriver.TableShape;
import dev.ioasid.iommu.IommuHardware;
import dev.ioasid.memory.AddressRange;
import dev.ioasid.pagetable.Permissions;
import dev.ioasid.pagetable.TableFormat;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Addresses, lengths and frames are counted in the granule of the table, whatever it is. */
class GranulesTest {
    private final Machine machine = Machine.create("m1", 1L << 30, List.of(), Preset.EMPTY);

    @AfterEach
    void close() {
        machine.close();
    }

    static Stream<Arguments> tables() {
        return Stream.of(12, 14, 16).flatMap(shift -> {
            int levels = (48 - shift + shift - 4) / (shift - 3);
            return Stream.of(
                    Arguments.of(1L << shift, TableFormat.armv8Stage1(shift, 48, 48, false)),
                    Arguments.of(1L << shift, TableFormat.armv8Stage2(shift, levels, 48, 48, false)));
        });
    }

    /** An IOASID whose unit caches nothing. */
    private PagingIoasid ioasid(TableFormat format) {
        var unit = new Unit("u0", nothing(IommuHardware.class), nothing(IommuDriver.class));
        var shape = new TableShape(format.kind().name(), format, format.inputBits(), format.inputBits());
        return new PagingIoasid(machine, 1, Context.common(), null, unit, shape);
    }

    /** Does nothing, whatever it is told to do. */
    private static <T> T nothing(Class<T> type) {
        return type.cast(
                Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (self, method, args) -> null));
    }

    private static MapRequest request(@Nullable Long iova, long length, @Nullable Long physical) {
        return new MapRequest(iova, length, Permissions.READ_WRITE, physical);
    }

    private static void refused(ThrowingCallable call, Errno errno, String words) {
        assertThatThrownBy(call).isInstanceOfSatisfying(RefusedException.class, refused -> {
            assertThat(refused.errno()).isEqualTo(errno);
            assertThat(refused).hasMessageContaining(words);
        });
    }

    @ParameterizedTest
    @MethodSource("tables")
    void whatIsAllocatedIsAligned(long granule, TableFormat format) {
        long free = machine.frames().freeBytes();
        machine.frames().claim(AddressRange.of(0, 0x1000)); // so that the next free frame is not aligned to more
        var ioasid = ioasid(format);
        var mappings = ioasid.map(List.of(request(null, 3 * granule, null), request(null, granule, null)));
        for (var mapping : mappings) {
            assertThat(mapping.iova()).isPositive().matches(iova -> iova % granule == 0);
            assertThat(mapping.extents()).allMatch(extent -> extent.physicalAddress() % granule == 0);
            assertThat(mapping.pageSizes()).isEqualTo(Map.of(granule, mapping.length() / granule));
        }
        var first =
                AddressRange.of(mappings.getFirst().iova(), mappings.getFirst().length());
        var second =
                AddressRange.of(mappings.getLast().iova(), mappings.getLast().length());
        assertThat(first.intersects(second)).isFalse();
        ioasid.write(mappings.getFirst().iova() + granule - 1, new byte[] {1, 2});
        assertThat(ioasid.read(mappings.getFirst().iova() + granule - 1, 3)).containsExactly(1, 2, 0);
        ioasid.close();
        machine.frames().release(AddressRange.of(0, 0x1000));
        assertThat(machine.frames().freeBytes()).isEqualTo(free);
    }

    @ParameterizedTest
    @MethodSource("tables")
    void whatIsNotWholePagesIsRefusedWithTheGranule(long granule, TableFormat format) {
        var ioasid = ioasid(format);
        long free = machine.frames().freeBytes();
        var named = "granule 0x%x".formatted(granule);
        long part = granule / 4;
        refused(() -> ioasid.map(List.of(request(granule + part, granule, null))), Errno.EINVAL, named);
        refused(() -> ioasid.map(List.of(request(granule, granule + part, null))), Errno.EINVAL, named);
        refused(() -> ioasid.map(List.of(request(null, part, null))), Errno.EINVAL, named);
        refused(() -> ioasid.map(List.of(request(granule, granule, granule + part))), Errno.EINVAL, named);
        assertThat(ioasid.mappings()).isEmpty();
        assertThat(machine.frames().freeBytes()).isEqualTo(free);
        assertThat(ioasid.map(List.of(request(granule, granule, 3 * granule))))
                .extracting(Mapping::physicalAddress)
                .containsExactly(3 * granule);
    }

    @ParameterizedTest
    @MethodSource("tables")
    void theSpaceSaysItsGranuleAndStaysInside(long granule, TableFormat format) {
        var ioasid = ioasid(format);
        assertThat(ioasid.space().ranges())
                .isEqualTo(new IovaRanges(List.of(new AddressRange(0, (1L << 48) - 1)), granule));
        ioasid.space().allow(List.of(new AddressRange(granule + 1, 3 * granule - 1)));
        assertThat(ioasid.map(List.of(request(null, granule, null))).getFirst().iova())
                .isEqualTo(2 * granule);
        refused(() -> ioasid.map(List.of(request(null, granule, null))), Errno.ENOSPC, "allowed ranges");
        assertThat(ioasid.summary().granule()).isEqualTo(granule);
    }

    /** Memory of which no two free frames touch has room for pages of 4 KiB only. */
    @ParameterizedTest
    @MethodSource("tables")
    void memoryInPiecesServesWhatFitsIntoThem(long granule, TableFormat format) {
        var small = Machine.create("m2", 4L << 20, List.of(), Preset.EMPTY);
        try (small) {
            var shape = new TableShape("any", format, 48, 48);
            var unit = new Unit("u0", nothing(IommuHardware.class), nothing(IommuDriver.class));
            var ioasid = new PagingIoasid(small, 1, Context.common(), null, unit, shape);
            ioasid.map(List.of(request(granule, granule, null))); // its tables are there from now on
            for (long at = 0; at < 4L << 20; at += 0x2000) {
                if (small.frames().tryAllocate(0x1000, 0x2000) < 0) {
                    break;
                }
            }
            if (granule == 0x1000) {
                var mapping = ioasid.map(List.of(request(2 * granule, 2 * granule, null)))
                        .getFirst();
                assertThat(mapping.extents()).hasSize(2);
            } else {
                refused(() -> ioasid.map(List.of(request(2 * granule, granule, null))), Errno.ENOMEM, "0x");
                assertThat(ioasid.mappings()).hasSize(1);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("tables")
    void rightsAreThoseOfTheFormat(long granule, TableFormat format) {
        var ioasid = ioasid(format);
        boolean first = format.kind() == TableFormat.Kind.ARMV8_STAGE1;
        var executable = new Permissions(true, true, true, false);
        var privileged = new Permissions(true, false, false, true);
        ioasid.map(List.of(new MapRequest(granule, granule, executable, null)));
        if (first) {
            ioasid.map(List.of(new MapRequest(2 * granule, granule, privileged, null)));
            refused(
                    () -> ioasid.map(List.of(new MapRequest(3 * granule, granule, Permissions.WRITE, null))),
                    Errno.EINVAL,
                    "'w'");
        } else {
            refused(
                    () -> ioasid.map(List.of(new MapRequest(2 * granule, granule, privileged, null))),
                    Errno.EOPNOTSUPP,
                    "'rp'");
            ioasid.map(List.of(new MapRequest(3 * granule, granule, Permissions.WRITE, null)));
        }
    }
}
