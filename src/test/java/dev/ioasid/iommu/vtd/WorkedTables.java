package dev.ioasid.iommu.vtd;

/**
 * The tables of the specification's worked examples in one memory, with a legacy-mode root table and a pass-through
 * PASID beside them. Requests come from RID 3A11: bus 3A, device 2, function 1.
 */
final class WorkedTables {
    /** RTADDR of the scalable-mode tables: TTM = 1. */
    static final long SCALABLE = 0x100400;

    /** RTADDR of the legacy-mode tables: TTM = 0. */
    static final long LEGACY = 0x180000;

    static final String COMMON = """
            1003A0: 0000000000101001   scalable root, bus 3A, lower half -> 101000
            101220: 0000000000102009   context (devfn 11 * 32): P, PASIDE, PDTS=0, PASIDDIRPTR=102000
            101228: 0000000000000005   RID_PASID=5, RID_PRIV=0
            """;

    /** RID_PASID 5, second stage of 4 levels. */
    static final String SECOND_STAGE = """
            102000: 0000000000103001   PASID dir[0]
            103140: 0000000000200089   PASID entry 5 w0: P, AW=2, PGTT=2, SSPTPTR=200000
            103148: 0000000000800011   w1: DID=0011, PWSNP
            2007F0: 0000000000201003   SS L4[FE]
            201240: 0000000000202003   SS L3[48]
            202D10: 0000000000203003   SS L2[1A2]
            203B38: 0000001234567001   SS L1[167]  4K, R only
            201248: 0000000000204003   SS L3[49]
            204028: 0000000887600883   SS L2[5]    2M, R W PS SNP
            """;

    /** PASID 1234, first stage of 4 levels: directory index 48, table index 34. */
    static final String FIRST_STAGE = """
            102240: 0000000000104001   PASID dir[48]
            104D00: 0000000000000041   PASID entry w0: P, PGTT=1
            104D08: 0000000000800100   w1: DID=0100, PWSNP
            104D10: 0000000000300000   w2: FSPTPTR=300000, FSPM=0, SRE=0
            300550: 0000000000301007   FS L4[0AA]
            301AA0: 0000000000302007   FS L3[154]
            302488: 0000000000303007   FS L2[091]
            303A28: 80000005A5A5A007   FS L1[145]  4K P RW US, XD ignored
            300810: 0000000000304007   FS L4[102]
            304468: 0000000000305007   FS L3[08D]
            305158: 0000000240000081   FS L2[02B]  2M, P PS, supervisor, read-only
            """;

    /** PASID 42, nested: 4 levels on 4 levels. */
    static final String NESTED = """
            102008: 0000000000105001   PASID dir[1]
            105080: 00000000004000C9   PASID entry w0: P, AW=2, PGTT=3, SSPTPTR=400000
            105088: 0000000000800022   w1: DID=0022, PWSNP
            105090: 0000000000010000   w2: FSPTPTR = GPA 10000
            400000: 0000000000401003
            401000: 0000000000402003
            402000: 0000000000403003
            403080: 0000000000710003   GPA 10000
            403088: 0000000000725003   GPA 11000
            403090: 0000000000733003   GPA 12000
            401008: 0000000000404003
            404000: 0000000000405003
            405118: 0000000987654003   GPA 40023000 (4K)
            710110: 0000000000011007   FS L4[22] at GPA 10110
            725220: 0000000000012007   FS L3[44] at GPA 11220
            733888: 0000000040000087   FS L2[111] at GPA 12888, 2M leaf -> GPA 40000000
            """;

    /** PASID 77, pass-through: directory index 1, table index 37. */
    static final String PASS_THROUGH = """
            105DC0: 0000000000000101   PASID entry w0: P, PGTT=4
            105DC8: 0000000000800033   w1: DID=0033, PWSNP
            """;

    /** Legacy mode: device 2 function 1 walks the second stage of RID_PASID 5, function 2 passes through. */
    static final String LEGACY_MODE = """
            1803A0: 0000000000181001   legacy root, bus 3A -> 181000
            181110: 0000000000200001   context of devfn 11: P, TT=0, SSPTPTR=200000
            181118: 0000000000001102   AW=2, DID=0011
            181120: 0000000000000009   context of devfn 12: P, TT=2
            181128: 0000000000003302   AW=2, DID=0033
            """;

    private WorkedTables() {}

    static Bench scalable() {
        var bench = new Bench()
                .words(COMMON)
                .words(SECOND_STAGE)
                .words(FIRST_STAGE)
                .words(NESTED)
                .words(PASS_THROUGH);
        bench.rootTable = SCALABLE;
        return bench;
    }

    static Bench legacy() {
        var bench = new Bench().words(SECOND_STAGE).words(LEGACY_MODE);
        bench.rootTable = LEGACY;
        return bench;
    }
}
