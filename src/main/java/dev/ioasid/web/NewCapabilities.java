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
import java.util.Set;
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
    private static final Set<String> OF_BOTH = Set.of("pasidBits", "ats", "pri");

    /** As a VT-d unit's. EINVAL. */
    VtdCapabilities vtd() {
        refuseThose(given(smmuNames()), "a VT-d unit");
        refuseThose(idRegisters(), "a VT-d unit");
        var named = vtdNames();
        if (ver == null && cap == null && ecap == null) {
            return VtdCapabilities.named(named);
        }
        if (cap == null || ecap == null) {
            throw refused("raw capabilities need CAP and ECAP", cap == null ? "CAP" : "ECAP");
        }
        if (!Set.of("hostAddressWidth").containsAll(given(named).keySet())) {
            throw refused("capabilities are named or raw (VER, CAP, ECAP, hostAddressWidth), not both", "CAP");
        }
        return VtdCapabilities.raw(ver == null ? null : ver.value(), cap.value(), ecap.value(), hostAddressWidth);
    }

    /** As an SMMUv3's. EINVAL. */
    SmmuCapabilities smmu() {
        refuseThose(given(vtdNames()), "an SMMUv3");
        refuseThose(capabilityRegisters(), "an SMMUv3");
        var named = smmuNames();
        var raw = idRegisters();
        if (raw.isEmpty()) {
            return SmmuCapabilities.named(named);
        }
        if (!named.equals(SmmuNames.CURRENT_SERVER)) {
            throw refused("capabilities are named or raw (IDR0 to IDR5, IIDR, AIDR), not both", "IDR0");
        }
        return SmmuCapabilities.raw(raw);
    }

    private NamedCapabilities vtdNames() {
        return new NamedCapabilities(
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
    }

    private SmmuNames smmuNames() {
        return new SmmuNames(
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
    }

    /** What is named, by its name. */
    private static Map<String, Object> given(Record names) {
        var given = new LinkedHashMap<String, Object>();
        for (var component : names.getClass().getRecordComponents()) {
            try {
                var value = component.getAccessor().invoke(names);
                if (value != null) {
                    given.put(component.getName(), value);
                }
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(e); // both records are public
            }
        }
        return given;
    }

    /** The capability registers of a VT-d unit that are given. */
    private Map<String, Long> capabilityRegisters() {
        var given = new LinkedHashMap<String, @Nullable Hex>();
        given.put("VER", ver);
        given.put("CAP", cap);
        given.put("ECAP", ecap);
        return values(given);
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
        return values(given);
    }

    private static Map<String, Long> values(Map<String, @Nullable Hex> given) {
        var values = new LinkedHashMap<String, Long>();
        given.forEach((name, value) -> {
            if (value != null) {
                values.put(name, value.value());
            }
        });
        return values;
    }

    /** Refuses the first that is of units of the other kind alone. */
    private static void refuseThose(Map<String, ?> others, String unit) {
        for (var name : others.keySet()) {
            if (!OF_BOTH.contains(name)) {
                throw refused(unit + " has no capability '" + name + "'", name);
            }
        }
    }

    private static @Nullable List<Long> longs(@Nullable List<Hex> several) {
        return several == null ? null : Lists.map(several, Hex::value);
    }

    private static RefusedException refused(String detail, String capability) {
        return new RefusedException(Errno.EINVAL, detail, Map.of("capability", capability));
    }
}
