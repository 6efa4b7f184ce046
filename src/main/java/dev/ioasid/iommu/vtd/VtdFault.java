package dev.ioasid.iommu.vtd;

import static dev.ioasid.iommu.vtd.VtdFault.Answer.CA;
import static dev.ioasid.iommu.vtd.VtdFault.Answer.NO_RIGHTS;
import static dev.ioasid.iommu.vtd.VtdFault.Answer.UR;

import dev.ioasid.iommu.Stage;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Fault reasons of DMA remapping, by the names of the specification's table. VT-d 5.10, section 7.1.3. */
enum VtdFault {
    // spotless:off  columns are the point
    // never recorded: unsupported before any table is looked at
    UR_1    (0x00, "UR.1",    false, UR,        null,         "a translation, translated or page request while translation is off"),
    UR_2    (0x00, "UR.2",    false, UR,        null,         "a translated request with PASID, which the unit does not support (PTRS)"),
    // legacy mode
    LRT_1   (0x08, "LRT.1",   false, CA,        null,         "the root entry could not be fetched"),
    LRT_2   (0x01, "LRT.2",   false, UR,        null,         "the root entry is not present"),
    LRT_3   (0x0a, "LRT.3",   false, CA,        null,         "a reserved bit is set in the root entry"),
    LCT_1   (0x09, "LCT.1",   false, CA,        null,         "the context entry could not be fetched"),
    LCT_2   (0x02, "LCT.2",   true,  UR,        null,         "the context entry is not present"),
    LCT_3   (0x0b, "LCT.3",   true,  CA,        null,         "a reserved bit is set in the context entry"),
    LCT_4_1 (0x03, "LCT.4.1", true,  CA,        null,         "the context entry's address width (AW) is one that the unit does not have"),
    LCT_4_2 (0x03, "LCT.4.2", true,  CA,        null,         "the context entry's translation type (TT) is one that the unit does not have"),
    LCT_4_3 (0x03, "LCT.4.3", true,  CA,        Stage.SECOND, "the root of the second-stage table (SSPTPTR) could not be fetched"),
    LCT_5   (0x0d, "LCT.5",   true,  UR,        null,         "the context entry's translation type blocks translation and translated requests"),
    LGN_1_1 (0x04, "LGN.1.1", true,  NO_RIGHTS, Stage.SECOND, "the address is beyond the second stage's width"),
    LGN_1_2 (0x04, "LGN.1.2", true,  NO_RIGHTS, null,         "the address of a translated request is beyond the host address width"),
    LGN_1_3 (0x04, "LGN.1.3", true,  NO_RIGHTS, null,         "the address of a pass-through request is beyond the host address width"),
    LGN_2   (0x05, "LGN.2",   true,  NO_RIGHTS, Stage.SECOND, "a write, and the second stage does not allow it"),
    LGN_3   (0x06, "LGN.3",   true,  NO_RIGHTS, Stage.SECOND, "a read, and the second stage does not allow it"),
    LGN_4   (0x0e, "LGN.4",   true,  CA,        null,         "the translated address lies in the interrupt range 0xfeexxxxx"),
    LSS_1   (0x07, "LSS.1",   true,  CA,        Stage.SECOND, "a second-stage entry could not be fetched"),
    LSS_2   (0x0c, "LSS.2",   true,  CA,        Stage.SECOND, "a reserved bit is set in a present second-stage entry"),
    // the root table address register
    RTA_1_1 (0x30, "RTA.1.1", false, CA,        null,         "RTADDR.TTM asks for abort-DMA mode, which the unit does not have"),
    RTA_1_2 (0x30, "RTA.1.2", false, CA,        null,         "RTADDR.TTM is the reserved value 2"),
    RTA_1_3 (0x30, "RTA.1.3", false, CA,        null,         "RTADDR.TTM asks for scalable mode, which the unit does not have"),
    RTA_1_4 (0x30, "RTA.1.4", false, CA,        null,         "RTADDR.SSIRWE is set in legacy mode"),
    RTA_2   (0x31, "RTA.2",   false, UR,        null,         "a request with PASID in legacy mode"),
    RTA_3   (0x32, "RTA.3",   false, UR,        null,         "a page request in legacy mode"),
    RTA_4   (0x33, "RTA.4",   false, UR,        null,         "the unit is in abort-DMA mode"),
    RTA_5   (0x34, "RTA.5",   false, UR,        null,         "an execute request"),
    // scalable mode
    SRT_1   (0x38, "SRT.1",   false, CA,        null,         "the root entry could not be fetched"),
    SRT_2   (0x39, "SRT.2",   false, UR,        null,         "the half of the root entry for this device is not present"),
    SRT_3   (0x3a, "SRT.3",   false, CA,        null,         "a reserved bit is set in the root entry"),
    SCT_1   (0x40, "SCT.1",   false, CA,        null,         "the context entry could not be fetched"),
    SCT_2   (0x41, "SCT.2",   true,  UR,        null,         "the context entry is not present"),
    SCT_3   (0x42, "SCT.3",   true,  CA,        null,         "a bit is set in the context entry that is reserved or needs a capability the unit lacks"),
    SCT_4_1 (0x43, "SCT.4.1", true,  CA,        null,         "the context entry has PRE set and DTE clear"),
    SCT_4_2 (0x43, "SCT.4.2", true,  CA,        null,         "the context entry's RID_PASID is beyond its PASID directory"),
    SCT_5   (0x44, "SCT.5",   true,  UR,        null,         "a translation or translated request, which the context entry does not allow (DTE)"),
    SCT_6   (0x45, "SCT.6",   true,  UR,        null,         "a request with PASID, which the context entry does not allow (PASIDE)"),
    SCT_7   (0x46, "SCT.7",   true,  UR,        null,         "the request's PASID is beyond the context entry's PASID directory (PDTS)"),
    SCT_8   (0x47, "SCT.8",   true,  UR,        null,         "a page request, which the context entry does not allow (PRE)"),
    SCT_9   (0x48, "SCT.9",   true,  UR,        null,         "the request's PASID is the context entry's RID_PASID"),
    SPD_1   (0x50, "SPD.1",   false, CA,        null,         "the PASID directory entry could not be fetched"),
    SPD_2   (0x51, "SPD.2",   true,  NO_RIGHTS, null,         "the PASID directory entry is not present"),
    SPD_3   (0x52, "SPD.3",   true,  CA,        null,         "a reserved bit is set in the PASID directory entry"),
    SPT_1   (0x58, "SPT.1",   false, CA,        null,         "the PASID table entry could not be fetched"),
    SPT_2   (0x59, "SPT.2",   true,  NO_RIGHTS, null,         "the PASID table entry is not present"),
    SPT_3   (0x5a, "SPT.3",   true,  CA,        null,         "a bit is set in the PASID table entry that is reserved or needs a capability the unit lacks"),
    SPT_4_1 (0x5b, "SPT.4.1", true,  CA,        null,         "the PASID table entry's address width (AW) is one that the unit does not have"),
    SPT_4_2 (0x5b, "SPT.4.2", true,  CA,        null,         "the PASID table entry's translation type (PGTT) is one that the unit does not have"),
    SPT_4_3 (0x5b, "SPT.4.3", true,  CA,        null,         "the PASID table entry's paging mode (FSPM) is one that the unit does not have"),
    SPT_4_4 (0x5b, "SPT.4.4", true,  CA,        null,         "the PASID table entry's first-stage root (FSPTPTR) is beyond the second stage's width"),
    SPT_5   (0x5c, "SPT.5",   true,  NO_RIGHTS, null,         "an execute request, which the unit does not support (ERS)"),
    SPT_6   (0x5d, "SPT.6",   true,  NO_RIGHTS, null,         "a privileged request, which the PASID table entry does not allow (SRE)"),
    SFS_1   (0x70, "SFS.1",   true,  NO_RIGHTS, Stage.FIRST,  "a first-stage entry could not be fetched"),
    SFS_2   (0x71, "SFS.2",   true,  NO_RIGHTS, Stage.FIRST,  "a first-stage entry is not present"),
    SFS_3   (0x72, "SFS.3",   true,  NO_RIGHTS, Stage.FIRST,  "a reserved bit is set in a present first-stage entry"),
    SFS_4   (0x73, "SFS.4",   true,  NO_RIGHTS, Stage.FIRST,  "the root of the first-stage table (FSPTPTR) could not be fetched"),
    SFS_5   (0x74, "SFS.5",   true,  NO_RIGHTS, Stage.FIRST,  "an address in a first-stage entry is beyond the second stage's width"),
    SFS_6   (0x75, "SFS.6",   true,  NO_RIGHTS, Stage.FIRST,  "the second stage does not allow the first-stage root table to be read"),
    SFS_7   (0x76, "SFS.7",   true,  NO_RIGHTS, Stage.FIRST,  "the second stage does not allow a first-stage table to be read"),
    SFS_8   (0x77, "SFS.8",   true,  NO_RIGHTS, Stage.FIRST,  "the second stage does not allow accessed or dirty to be set in a first-stage entry"),
    SFS_9   (0x90, "SFS.9",   true,  NO_RIGHTS, Stage.FIRST,  "accessed or dirty must be set in a first-stage entry, and walks are not snooped (PWSNP)"),
    SSS_1   (0x78, "SSS.1",   true,  CA,        Stage.SECOND, "a second-stage entry could not be fetched"),
    SSS_2   (0x79, "SSS.2",   true,  NO_RIGHTS, Stage.SECOND, "a second-stage entry is not present: it, or all on the way together, grants neither read nor write"),
    SSS_3   (0x7a, "SSS.3",   true,  CA,        Stage.SECOND, "a reserved bit is set in a present second-stage entry"),
    SSS_4   (0x7b, "SSS.4",   true,  CA,        Stage.SECOND, "the root of the second-stage table (SSPTPTR) could not be fetched"),
    SSS_5   (0x7c, "SSS.5",   true,  CA,        Stage.SECOND, "accessed or dirty must be set in a second-stage entry, and walks are not snooped (PWSNP)"),
    SGN_1   (0x80, "SGN.1",   true,  NO_RIGHTS, Stage.FIRST,  "the address is not canonical"),
    SGN_2   (0x81, "SGN.2",   true,  NO_RIGHTS, Stage.FIRST,  "a user request for a supervisor page"),
    SGN_4_1 (0x83, "SGN.4.1", true,  NO_RIGHTS, null,         "the address of a translated request is beyond the host address width"),
    SGN_4_2 (0x83, "SGN.4.2", true,  NO_RIGHTS, null,         "the address of a pass-through request is beyond the host address width"),
    SGN_5   (0x84, "SGN.5",   true,  NO_RIGHTS, Stage.SECOND, "the address is beyond the second stage's width"),
    SGN_6   (0x85, "SGN.6",   true,  NO_RIGHTS, null,         "a write to a page that does not allow it"),
    SGN_7   (0x86, "SGN.7",   true,  NO_RIGHTS, null,         "a read of a page that does not allow it"),
    SGN_8   (0x87, "SGN.8",   true,  CA,        null,         "the address lies in the interrupt range 0xfeexxxxx"),
    SGN_10  (0x89, "SGN.10",  true,  UR,        null,         "the request's PASID is wider than the unit's PASIDs");
    // spotless:on

    /** What a translation request is answered. Translated requests are always unsupported. */
    enum Answer {
        UR,
        CA,
        /** Success without rights; no fault is recorded. */
        NO_RIGHTS
    }

    private static final VtdFault[] ALL = values();

    private final int code;
    private final String spelled;
    private final boolean qualified;
    private final Answer answer;
    private final @Nullable Stage stage;
    private final String detail;

    VtdFault(int code, String spelled, boolean qualified, Answer answer, @Nullable Stage stage, String detail) {
        this.code = code;
        this.spelled = spelled;
        this.qualified = qualified;
        this.answer = answer;
        this.stage = stage;
        this.detail = detail;
    }

    static VtdFault of(int ordinal) {
        return ALL[ordinal];
    }

    /** The first reason with a number; null if the specification has none, or the model never reports it. */
    static @Nullable VtdFault ofCode(int code) {
        for (var fault : ALL) {
            if (fault.code == code) {
                return fault;
            }
        }
        return null;
    }

    int code() {
        return code;
    }

    /** As the specification spells it: {@code SSS.2}. */
    String spelled() {
        return spelled;
    }

    /** Whether FPD keeps it from being recorded. */
    boolean qualified() {
        return qualified;
    }

    /** What a translation request that meets it is answered. */
    Answer answer() {
        return answer;
    }

    /** Whether it is recorded at all, where FPD lets it be. */
    boolean hasRecord() {
        return code != 0;
    }

    /** The stage at fault, where the reason alone says it. */
    @Nullable
    Stage stage() {
        return stage;
    }

    String detail() {
        return detail;
    }

    /** The name as far as the number in a record tells it: {@code SPT.4} where SPT.4.1 to SPT.4.4 share one. */
    String recordedName() {
        return shared() ? spelled.substring(0, spelled.lastIndexOf('.')) : spelled;
    }

    /** What is wrong, as far as the number in a record tells it. */
    String recordedDetail() {
        if (!shared()) {
            return detail;
        }
        return Arrays.stream(ALL)
                .filter(other -> other.code == code)
                .map(VtdFault::detail)
                .collect(Collectors.joining("; or "));
    }

    /** The stage at fault, as far as the number in a record tells it. */
    @Nullable
    Stage recordedStage() {
        boolean sure = Arrays.stream(ALL).allMatch(other -> other.code != code || other.stage == stage);
        return sure ? stage : null;
    }

    private boolean shared() {
        return Arrays.stream(ALL).filter(other -> other.code == code).count() > 1;
    }
}
