package dev.ioasid.iommu.vtd;

import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.memory.PhysicalMemory;
import dev.ioasid.pagetable.PageWalk;
import dev.ioasid.pagetable.Steps;
import dev.ioasid.pagetable.TableFormat;
import dev.ioasid.pagetable.Walked;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The way of a request that the IOTLB does not answer: root, context, PASID directory and PASID table entry, and the page tables,
 * each from its cache or from memory, and into its cache if it is good. The first check that fails names the fault, in the order of
 * VT-d 5.10, section 7.1.3.
 *
 * <p>Holds nothing that changes but the caches; any thread may call, and nothing is allocated.
 */
final class VtdTranslation {
    /** In an outcome: the unit left the request alone, the address is the request's own. */
    static final long UNTRANSLATED = 1L << 60;

    static final int PAGE_SHIFT = PhysicalMemory.PAGE_SHIFT;
    static final long PAGE_SIZE = PhysicalMemory.PAGE_SIZE;
    static final long PRESENT = 1;
    static final long FPD = 1 << 1;
    /** What of a request a walk asks for. */
    static final int WALKED = PageWalk.READ | PageWalk.WRITE | PageWalk.PRIVILEGED | PageWalk.DRY | PageWalk.ANY_RIGHT;

    private final VtdCapabilities capabilities;
    private final LegacyTranslation legacy;
    private final ScalableTranslation scalable;

    VtdTranslation(
            PhysicalMemory memory,
            VtdCapabilities capabilities,
            VtdFormats formats,
            ReservedBits reserved,
            VtdCaches caches) {
        var fills = new CacheFills(caches, capabilities);
        this.capabilities = capabilities;
        this.legacy = new LegacyTranslation(memory, capabilities, formats, reserved, fills);
        this.scalable = new ScalableTranslation(memory, capabilities, formats, reserved, fills);
    }

    /**
     * What becomes of a request.
     *
     * @param mode see {@link VtdRegisters#mode}
     * @param how the request, by {@link PageWalk}'s constants and those of {@link VtdHardware}
     * @return see {@link Walked}, with {@link #UNTRANSLATED}; or a {@link Refusal}; of a page request {@link PageRequests#admitted}
     */
    long of(long mode, int sourceId, int pasid, long iova, int how, VtdSteps steps) {
        boolean tagged = pasid != DmaRequest.NO_PASID;
        boolean ats = (how & VtdHardware.ATS) != 0;
        boolean pageRequest = (how & VtdHardware.PAGE_REQUEST) != 0;
        if ((mode & VtdRegisters.ENABLED) == 0) {
            return ats || pageRequest ? Refusal.of(VtdFault.UR_1) : UNTRANSLATED | Walked.untranslated(0, PAGE_SHIFT);
        }
        if (tagged && (how & VtdHardware.TRANSLATED) != 0) {
            return Refusal.of(VtdFault.UR_2);
        }
        if (!tagged && !ats && isShortWrite(how) && PageWalk.isInterrupt(iova)) {
            return UNTRANSLATED | Walked.interrupt(PAGE_SHIFT);
        }
        boolean execute = tagged && (how & VtdHardware.EXECUTE) != 0;
        return switch ((int) Rtaddr.TTM.get(mode)) {
            case Rtaddr.RESERVED -> Refusal.of(VtdFault.RTA_1_2);
            case Rtaddr.ABORT_DMA -> Refusal.of(capabilities.has(Ecap.ADMS) ? VtdFault.RTA_4 : VtdFault.RTA_1_1);
            case Rtaddr.LEGACY -> {
                if (Rtaddr.SSIRWE.isSet(mode)) {
                    yield Refusal.of(VtdFault.RTA_1_4);
                }
                if (pageRequest) {
                    yield Refusal.of(VtdFault.RTA_3);
                }
                yield tagged ? Refusal.of(VtdFault.RTA_2) : legacy.of(mode, sourceId, iova, how, steps);
            }
            default -> {
                if (!capabilities.scalable()) {
                    yield Refusal.of(VtdFault.RTA_1_3);
                }
                if (execute && capabilities.majorVersion() >= 8) {
                    yield Refusal.of(VtdFault.RTA_5);
                }
                yield scalable.of(mode, sourceId, pasid, iova, how, execute, steps);
            }
        };
    }

    private static boolean isShortWrite(int how) {
        return (how & (PageWalk.WRITE | VtdHardware.LONG_WRITE)) == PageWalk.WRITE;
    }

    /** A format that was found to be there. */
    static TableFormat walkable(@Nullable TableFormat format) {
        return Objects.requireNonNull(format);
    }

    static Steps unseenIfNobody(VtdSteps steps) {
        return steps == VtdSteps.NOBODY ? Steps.UNSEEN : steps;
    }
}
