package dev.ioasid.web;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.smmuv3.SmmuCapabilities;
import dev.ioasid.iommu.smmuv3.SmmuNames;
import dev.ioasid.iommu.vtd.NamedCapabilities;
import dev.ioasid.iommu.vtd.VtdCapabilities;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a new IOMMU can do: either by name, what is left out being as on a current server, or by registers. A VT-d unit has the registers
 * CAP and ECAP, and may have VER and a {@code hostAddressWidth} with them; an SMMUv3 has IDR0, IDR1 and IDR5, and may have the others.
 */
record NewCapabilities(
        // of both
        @Nullable Integer pasidBits,
        @Nullable Boolean ats,
        @Nullable Boolean pri,
        // of a VT-d unit
        @Nullable Integer addressWidth,
        @Nullable Integer hostAddressWidth,
        @Nullable List<Hex> pageSizes,
        @Nullable Boolean scalable,
        @Nullable Boolean firstStage,
        @Nullable Boolean nesting,
        @Nullable Boolean dirtyTracking,
        @Nullable Boolean snoopControl,
        @Nullable Boolean passThrough,
        @Nullable Boolean zeroLengthRead,
        @Nullable Boolean cachingMode,
        @Nullable Integer domainIdBits,
        @Nullable Integer faultRecords,
        @Nullable Integer majorVersion,
        @JsonProperty("VER") @Nullable Hex ver,
        @JsonProperty("CAP") @Nullable Hex cap,
        @JsonProperty("ECAP") @Nullable Hex ecap,
        // of an SMMUv3
        @Nullable Boolean stage1,
        @Nullable Boolean stage2,
        @Nullable Integer outputBits,
        @Nullable List<Hex> granules,
        @Nullable Integer streamIdBits,
        @Nullable Boolean asid16,
        @Nullable Boolean vmid16,
        @Nullable Boolean twoLevelStreamTable,
        @Nullable Boolean twoLevelCd,
        @Nullable String stallModel,
        @Nullable Boolean termModel,
        @Nullable String httu,
        @Nullable Boolean nestedAts,
        @Nullable Boolean hyp,
        @Nullable Boolean msi,
        @Nullable Boolean sev,
        @Nullable Boolean rangeInvalidation,
        @Nullable Boolean smallTables,
        @Nullable Boolean e0pd,
        @Nullable Boolean xnx,
        @Nullable Boolean forceWriteBack,
        @Nullable Integer architectureMinor,
        @Nullable Integer stallMax,
        @Nullable Integer commandQueueBits,
        @Nullable Integer eventQueueBits,
        @Nullable Integer pageRequestQueueBits,
        @Nullable Boolean attributeOverride,
        @JsonProperty("IDR0") @Nullable Hex idr0,
        @JsonProperty("IDR1") @Nullable Hex idr1,
        @JsonProperty("IDR2") @Nullable Hex idr2,
        @JsonProperty("IDR3") @Nullable Hex idr3,
        @JsonProperty("IDR4") @Nullable Hex idr4,
        @JsonProperty("IDR5") @Nullable Hex idr5,
        @JsonProperty("IIDR") @Nullable Hex iidr,
        @JsonProperty("AIDR") @Nullable Hex aidr) {

    /** As a VT-d unit's. EINVAL. */
    VtdCapabilities vtd() {
        refuseThose(ofSmmu(), "a VT-d unit");
        var named = new NamedCapabilities(
                addressWidth,
                hostAddressWidth,
                pasidBits,
                longs(pageSizes),
                scalable,
                firstStage,
                nesting,
                ats,
                pri,
                dirtyTracking,
                snoopControl,
                passThrough,
                zeroLengthRead,
                cachingMode,
                domainIdBits,
                faultRecords,
                majorVersion);
        if (ver == null && cap == null && ecap == null) {
            return VtdCapabilities.named(named);
        }
        if (cap == null || ecap == null) {
            throw refused("raw capabilities need CAP and ECAP", cap == null ? "CAP" : "ECAP");
        }
        var alone = new NamedCapabilities(
                null,
                hostAddressWidth,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null);
        if (!named.equals(alone)) {
            throw refused("capabilities are named or raw (VER, CAP, ECAP, hostAddressWidth), not both", "CAP");
        }
        return VtdCapabilities.raw(ver == null ? null : ver.value(), cap.value(), ecap.value(), hostAddressWidth);
    }

    /** As an SMMUv3's. EINVAL. */
    SmmuCapabilities smmu() {
        refuseThose(ofVtd(), "an SMMUv3");
        var named = new SmmuNames(
                stage1,
                stage2,
                outputBits,
                longs(granules),
                streamIdBits,
                pasidBits,
                asid16,
                vmid16,
                twoLevelStreamTable,
                twoLevelCd,
                stallModel,
                termModel,
                httu,
                ats,
                pri,
                nestedAts,
                hyp,
                msi,
                sev,
                rangeInvalidation,
                smallTables,
                e0pd,
                xnx,
                forceWriteBack,
                architectureMinor,
                stallMax,
                commandQueueBits,
                eventQueueBits,
                pageRequestQueueBits,
                attributeOverride);
        var raw = idRegisters();
        if (raw.isEmpty()) {
            return SmmuCapabilities.named(named);
        }
        if (!named.equals(SmmuNames.CURRENT_SERVER)) {
            throw refused("capabilities are named or raw (IDR0 to IDR5, IIDR, AIDR), not both", "IDR0");
        }
        return SmmuCapabilities.raw(raw);
    }

    /** The identification registers of an SMMUv3 that are given. */
    private Map<String, Long> idRegisters() {
        var given = new LinkedHashMap<String, @Nullable Hex>();
        given.put("IDR0", idr0);
        given.put("IDR1", idr1);
        given.put("IDR2", idr2);
        given.put("IDR3", idr3);
        given.put("IDR4", idr4);
        given.put("IDR5", idr5);
        given.put("IIDR", iidr);
        given.put("AIDR", aidr);
        var registers = new LinkedHashMap<String, Long>();
        given.forEach((name, value) -> {
            if (value != null) {
                registers.put(name, value.value());
            }
        });
        return registers;
    }

    private Map<String, @Nullable Object> ofVtd() {
        var given = new LinkedHashMap<String, @Nullable Object>();
        given.put("addressWidth", addressWidth);
        given.put("hostAddressWidth", hostAddressWidth);
        given.put("pageSizes", pageSizes);
        given.put("scalable", scalable);
        given.put("firstStage", firstStage);
        given.put("nesting", nesting);
        given.put("dirtyTracking", dirtyTracking);
        given.put("snoopControl", snoopControl);
        given.put("passThrough", passThrough);
        given.put("zeroLengthRead", zeroLengthRead);
        given.put("cachingMode", cachingMode);
        given.put("domainIdBits", domainIdBits);
        given.put("faultRecords", faultRecords);
        given.put("majorVersion", majorVersion);
        given.put("VER", ver);
        given.put("CAP", cap);
        given.put("ECAP", ecap);
        return given;
    }

    private Map<String, @Nullable Object> ofSmmu() {
        var given = new LinkedHashMap<String, @Nullable Object>();
        given.put("stage1", stage1);
        given.put("stage2", stage2);
        given.put("outputBits", outputBits);
        given.put("granules", granules);
        given.put("streamIdBits", streamIdBits);
        given.put("asid16", asid16);
        given.put("vmid16", vmid16);
        given.put("twoLevelStreamTable", twoLevelStreamTable);
        given.put("twoLevelCd", twoLevelCd);
        given.put("stallModel", stallModel);
        given.put("termModel", termModel);
        given.put("httu", httu);
        given.put("nestedAts", nestedAts);
        given.put("hyp", hyp);
        given.put("msi", msi);
        given.put("sev", sev);
        given.put("rangeInvalidation", rangeInvalidation);
        given.put("smallTables", smallTables);
        given.put("e0pd", e0pd);
        given.put("xnx", xnx);
        given.put("forceWriteBack", forceWriteBack);
        given.put("architectureMinor", architectureMinor);
        given.put("stallMax", stallMax);
        given.put("commandQueueBits", commandQueueBits);
        given.put("eventQueueBits", eventQueueBits);
        given.put("pageRequestQueueBits", pageRequestQueueBits);
        given.put("attributeOverride", attributeOverride);
        given.putAll(idRegisters());
        return given;
    }

    private static void refuseThose(Map<String, @Nullable Object> others, String unit) {
        others.forEach((name, value) -> {
            if (value != null) {
                throw refused(unit + " has no capability '" + name + "'", name);
            }
        });
    }

    private static @Nullable List<Long> longs(@Nullable List<Hex> several) {
        return several == null ? null : Lists.map(several, Hex::value);
    }

    private static RefusedException refused(String detail, String capability) {
        return new RefusedException(Errno.EINVAL, detail, Map.of("capability", capability));
    }
}
