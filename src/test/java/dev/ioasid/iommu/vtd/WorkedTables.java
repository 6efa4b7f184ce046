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

    /** CAP with second-stage tables of 3, 4 and 5 levels and 57-bit inputs. */
    static final long DEEP_CAP = 0x91D2078C22780E06L;

    /**
     * 5 levels, a leaf of every size: 1591AAF82F3456 is on a 4 KiB page, 1591AAF8412345 on a 2 MiB page, 1591AB01234567 on a
     * 1 GiB page. PASID 6 is second stage, 7 first stage, 8 nested; so is the second stage of legacy device 2 function 3.
     */
    static final String DEEP = """
            103180: 000000000050008D   PASID entry 6 w0: P, AW=3, PGTT=2, SSPTPTR=500000
            103188: 0000000000800055   w1: DID=0055, PWSNP
            5000A8: 0000000000501003   SS L5[15]
            501918: 0000000000502003   SS L4[123]
            502558: 0000000000503003   SS L3[0AB]
            503E08: 0000000000504003   SS L2[1C1]
            504798: 0000001234567003   SS L1[0F3]  4K
            503E10: 0000001234600083   SS L2[1C2]  2M
            502560: 0000001240000083   SS L3[0AC]  1G

            1031C0: 0000000000000041   PASID entry 7 w0: P, PGTT=1
            1031C8: 0000000000800066   w1: DID=0066, PWSNP
            1031D0: 0000000000510004   w2: FSPTPTR=510000, FSPM=1
            5100A8: 0000000000511007   FS L5[15]
            511918: 0000000000512007   FS L4[123]
            512558: 0000000000513007   FS L3[0AB]
            513E08: 0000000000514007   FS L2[1C1]
            514798: 0000001234567007   FS L1[0F3]  4K
            513E10: 0000001234600087   FS L2[1C2]  2M
            512560: 0000001240000087   FS L3[0AC]  1G

            103200: 00000000005200CD   PASID entry 8 w0: P, AW=3, PGTT=3, SSPTPTR=520000
            103208: 0000000000800077   w1: DID=0077, PWSNP
            103210: 0000000000510004   w2: FSPTPTR = GPA 510000, FSPM=1
            520000: 0000000000521003   SS L5[0]
            521000: 0000000000522003   SS L4[0]
            522000: 0000000000000083   SS L3[0]    1G: GPA = HPA
            522240: 0000001200000083   SS L3[48]   1G: GPA = HPA
            522248: 0000001240000083   SS L3[49]   1G: GPA = HPA

            1803A0: 0000000000181001   legacy root, bus 3A -> 181000
            181130: 0000000000500001   legacy context of devfn 13: P, TT=0, SSPTPTR=500000
            181138: 0000000000005503   AW=3, DID=0055
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

    static Bench deep() {
        var bench = scalable().words(DEEP);
        bench.cap = DEEP_CAP;
        return bench;
    }
}
