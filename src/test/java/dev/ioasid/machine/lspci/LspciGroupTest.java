package dev.ioasid.machine.lspci;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** One rule after the other, on machines made for it; {@link Sketch} says how to read them. */
class LspciGroupTest {
    /** PCI Express 6.0, 6.12.1.2: functions of one device. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = ';', useHeadersInDisplayName = true, textBlock = """
            what                             ; machine                                                                             ; groups
            one function                     ; 00:01.0 root to=01-01 acs, 01:00.0 endpoint                                         ; 00:01.0 | 01:00.0
            several without ACS              ; 00:01.0 root to=01-01 acs, 01:00.0 endpoint, 01:00.1 legacy, 01:00.2 endpoint       ; 00:01.0 | 01:00.0 01:00.1 01:00.2
            several with ACS                 ; 00:01.0 root to=01-01 acs, 01:00.0 endpoint acs, 01:00.1 endpoint acs               ; 00:01.0 | 01:00.0 | 01:00.1
            ACS, off                         ; 00:01.0 root to=01-01 acs, 01:00.0 endpoint acs-off, 01:00.1 endpoint acs-off       ; 00:01.0 | 01:00.0 01:00.1
            one with ACS among those without ; 00:01.0 root to=01-01 acs, 01:00.0 endpoint, 01:00.1 endpoint acs, 01:00.2 endpoint ; 00:01.0 | 01:00.0 01:00.2 | 01:00.1
            no function 0                    ; 00:01.0 root to=01-01 acs, 01:00.1 endpoint, 01:00.2 endpoint                       ; 00:01.0 | 01:00.1 01:00.2
            devices on one bus               ; 00:02.0 pci, 00:03.0 pci, 00:03.1 pci                                               ; 00:02.0 | 00:03.0 00:03.1
            the same numbers in two segments ; 0000:00:02.0 pci, 0001:00:02.0 pci, 0001:00:02.1 pci                                ; 00:02.0 | 0001:00:02.0 0001:00:02.1
            integrated endpoints             ; 00:02.0 integrated, 00:02.1 integrated, 00:03.0 integrated                          ; 00:02.0 00:02.1 | 00:03.0
            event collector                  ; 00:02.0 integrated acs, 00:02.1 integrated acs, 00:02.4 collector                   ; 00:02.0 | 00:02.1 | 00:02.4
            """)
    void functionsOfADevice(String what, String machine, String groups) {
        assertThat(Sketch.groups(machine)).isEqualTo(groups);
    }

    /** PCI Express 6.0, 6.12.1.1: ports. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = ';', useHeadersInDisplayName = true, textBlock = """
            what                          ; machine                                                                                                                                  ; groups
            root port with ACS            ; 00:01.0 root to=01-01 acs, 01:00.0 endpoint                                                                                              ; 00:01.0 | 01:00.0
            root port without             ; 00:01.0 root to=01-01, 01:00.0 endpoint                                                                                                  ; 00:01.0 01:00.0
            functions with ACS below it   ; 00:01.0 root to=01-01, 01:00.0 endpoint acs, 01:00.1 endpoint acs                                                                        ; 00:01.0 01:00.0 01:00.1
            root ports of one device      ; 00:01.0 root to=01-01, 00:01.1 root to=02-02, 01:00.0 endpoint, 02:00.0 endpoint                                                         ; 00:01.0 00:01.1 01:00.0 02:00.0
            root ports of one device, ACS ; 00:01.0 root to=01-01 acs, 00:01.1 root to=02-02 acs, 01:00.0 endpoint, 02:00.0 endpoint                                                 ; 00:01.0 | 00:01.1 | 01:00.0 | 02:00.0
            switch with ACS               ; 00:01.0 root to=01-04 acs, 01:00.0 up to=02-04, 02:00.0 down to=03-03 acs, 02:01.0 down to=04-04 acs, 03:00.0 endpoint, 04:00.0 endpoint ; 00:01.0 | 01:00.0 | 02:00.0 | 02:01.0 | 03:00.0 | 04:00.0
            one of its ports without      ; 00:01.0 root to=01-04 acs, 01:00.0 up to=02-04, 02:00.0 down to=03-03 acs, 02:01.0 down to=04-04, 03:00.0 endpoint, 04:00.0 endpoint     ; 00:01.0 | 01:00.0 | 02:00.0 | 02:01.0 04:00.0 | 03:00.0
            root port above without       ; 00:01.0 root to=01-04, 01:00.0 up to=02-04, 02:00.0 down to=03-03 acs, 02:01.0 down to=04-04 acs, 03:00.0 endpoint, 04:00.0 endpoint     ; 00:01.0 01:00.0 02:00.0 02:01.0 03:00.0 04:00.0
            switch of several functions   ; 00:01.0 root to=01-03 acs, 01:00.0 up to=02-03, 01:00.1 endpoint, 02:00.0 down to=03-03 acs, 03:00.0 endpoint                            ; 00:01.0 | 01:00.0 01:00.1 02:00.0 03:00.0
            the same with ACS             ; 00:01.0 root to=01-03 acs, 01:00.0 up to=02-03 acs, 01:00.1 endpoint acs, 02:00.0 down to=03-03 acs, 03:00.0 endpoint                    ; 00:01.0 | 01:00.0 | 01:00.1 | 02:00.0 | 03:00.0
            switch, root port not listed  ; 01:00.0 up to=02-03, 02:00.0 down to=03-03 acs, 03:00.0 endpoint                                                                         ; 01:00.0 02:00.0 03:00.0
            ports of a switch only        ; 02:00.0 down to=03-03 acs, 02:01.0 down to=04-04 acs, 03:00.0 endpoint                                                                   ; 02:00.0 02:01.0 03:00.0
            endpoints, root port unlisted ; 3a:00.0 endpoint, 3b:00.0 endpoint acs, 3b:00.1 endpoint acs                                                                             ; 3a:00.0 | 3b:00.0 | 3b:00.1
            ports between not listed      ; 00:01.0 root to=01-04, 03:00.0 endpoint, 04:00.0 endpoint                                                                                ; 00:01.0 03:00.0 04:00.0
            bridge that leads nowhere yet ; 00:01.0 root to=00-00, 00:02.0 root to=01-01 acs, 01:00.0 endpoint                                                                       ; 00:01.0 | 00:02.0 | 01:00.0
            bridges that lead in a circle ; 01:00.0 up to=02-02, 02:00.0 down to=01-01 acs                                                                                           ; 01:00.0 02:00.0
            """)
    void ports(String what, String machine, String groups) {
        assertThat(Sketch.groups(machine)).isEqualTo(groups);
    }

    /** What keeps a port's peers apart: all four services, each unless the port need not implement it. */
    @ParameterizedTest
    @CsvSource({"SrcValid", "ReqRedir", "CmpltRedir", "UpstreamFwd"})
    void aServiceThatIsOffJoins(String service) {
        assertThat(Sketch.groups("00:01.0 root to=01-01 acs-but=" + service + ", 01:00.0 endpoint"))
                .isEqualTo("00:01.0 01:00.0");
        assertThat(Sketch.groups("00:01.0 root to=01-01 acs-without=" + service + ", 01:00.0 endpoint"))
                .isEqualTo("00:01.0 | 01:00.0");
    }

    /** Bridges to conventional PCI put their RID on what comes from behind them. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = ';', useHeadersInDisplayName = true, textBlock = """
            what                        ; machine                                                                                         ; groups
            PCI bridge of the chipset   ; 00:1e.0 pci to=05-05, 05:00.0 pci, 05:01.0 pci, 05:01.1 pci                                     ; 00:1e.0 05:00.0 05:01.0 05:01.1
            two of them                 ; 00:1e.0 pci to=05-05, 00:1d.0 pci to=06-06, 05:00.0 pci, 06:00.0 pci                            ; 00:1d.0 06:00.0 | 00:1e.0 05:00.0
            behind PCI Express          ; 00:01.0 root to=01-02 acs, 01:00.0 to-pci to=02-02, 02:00.0 pci, 02:03.0 pci                    ; 00:01.0 | 01:00.0 02:00.0 02:03.0
            one behind another          ; 00:01.0 root to=01-03 acs, 01:00.0 to-pci to=02-03, 02:04.0 pci to=03-03, 03:00.0 pci           ; 00:01.0 | 01:00.0 02:04.0 03:00.0
            PCI Express behind it again ; 00:1e.0 pci to=01-03, 01:04.0 from-pci to=02-02, 02:00.0 endpoint acs, 02:00.1 endpoint acs     ; 00:1e.0 01:04.0 02:00.0 02:00.1
            even one that isolates      ; 00:14.0 pci, 00:14.4 pci to=03-03 is=Advanced_Micro_Devices_[AMD/ATI]_SBx00_Bridge, 03:00.0 pci ; 00:14.0 | 00:14.4 03:00.0
            """)
    void bridgesToConventionalPci(String what, String machine, String groups) {
        assertThat(Sketch.groups(machine)).isEqualTo(groups);
    }

    /** SR-IOV: a virtual function is a group, whatever its device is. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = ';', useHeadersInDisplayName = true, textBlock = """
            what                      ; machine                                                                                                                                   ; groups
            no ACS at all             ; 00:01.0 root to=01-01 acs, 01:00.0 endpoint vfs=2+16/2, 01:02.0 endpoint, 01:02.2 endpoint                                                ; 00:01.0 | 01:00.0 | 01:02.0 | 01:02.2
            two physical ones         ; 00:01.0 root to=01-01 acs, 01:00.0 endpoint vfs=2+16/2, 01:00.1 endpoint vfs=1+16/2, 01:02.0 endpoint, 01:02.1 endpoint, 01:02.2 endpoint ; 00:01.0 | 01:00.0 01:00.1 | 01:02.0 | 01:02.1 | 01:02.2
            beside the physical one   ; 00:01.0 root to=01-01 acs, 01:00.0 endpoint vfs=2+1/1, 01:00.1 endpoint, 01:00.2 endpoint                                                 ; 00:01.0 | 01:00.0 | 01:00.1 | 01:00.2
            one more than are enabled ; 00:01.0 root to=01-01 acs, 01:00.0 endpoint vfs=1+1/1, 01:00.1 endpoint, 01:00.2 endpoint                                                 ; 00:01.0 | 01:00.0 01:00.2 | 01:00.1
            on a bus of their own     ; 00:01.0 root to=01-02 acs, 01:00.0 endpoint vfs=2+256/1, 02:00.0 endpoint, 02:00.1 endpoint                                               ; 00:01.0 | 01:00.0 | 02:00.0 | 02:00.1
            there, port without ACS   ; 00:01.0 root to=01-02, 01:00.0 endpoint vfs=2+256/1, 02:00.0 endpoint, 02:00.1 endpoint                                                   ; 00:01.0 01:00.0 02:00.0 02:00.1
            known by name             ; 00:01.0 root to=01-01 acs, 01:10.0 endpoint is=Acme_Virtual_Function, 01:10.1 endpoint is=Acme_Virtual_Function                           ; 00:01.0 | 01:10.0 | 01:10.1
            root port not listed      ; 3a:00.0 endpoint vfs=2+1/1, 3a:00.1 endpoint, 3a:00.2 endpoint                                                                            ; 3a:00.0 | 3a:00.1 | 3a:00.2
            """)
    void virtualFunctions(String what, String machine, String groups) {
        assertThat(Sketch.groups(machine)).isEqualTo(groups);
    }

    /** Numbers: the kernel's where it said one, else the lowest that are free, in the order of the RIDs. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = ';', useHeadersInDisplayName = true, textBlock = """
            what                       ; machine                                                            ; numbers
            none said                  ; 00:03.0 pci, 00:02.1 pci, 00:02.0 pci                              ; 0 0 1
            all said                   ; 00:02.0 pci group=7, 00:02.1 pci group=5, 00:03.0 pci group=7      ; 7 5 7
            holes are filled           ; 00:02.0 pci, 00:03.0 pci group=0, 00:04.0 pci group=2, 00:05.0 pci ; 1 0 2 3
            one set, one number        ; 00:02.0 pci, 00:02.1 pci, 00:03.0 pci group=1, 00:04.0 pci         ; 0 0 1 2
            not that of a grouped peer ; 00:02.0 pci group=0, 00:02.1 pci, 00:02.2 pci group=0              ; 0 1 0
            """)
    void numbers(String what, String machine, String numbers) {
        assertThat(LspciListing.read(Sketch.listing(machine)))
                .extracting(ListedFunction::group)
                .extracting(String::valueOf)
                .containsExactly(numbers.split(" "));
    }
}
