package dev.ioasid.iommu.smmuv3;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.DeviceMessage;
import dev.ioasid.iommu.DeviceMessage.Resumed;
import dev.ioasid.iommu.DeviceMessage.Terminated;
import dev.ioasid.iommu.DeviceMessages;
import dev.ioasid.iommu.Requester;
import dev.ioasid.iommu.Translation;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** IHI 0070, 3.12.2, 4.7 and 7.4: transactions that wait, what becomes of them, and who is told. */
class StalledTransactionsTest {
    private static final long LEAF = 0x8010_3790L;
    /** AF=0, by CD 7, which stalls. */
    private static final String STALLS = "21/7 read 7fabcdef2234";

    private ExampleUnit unit = new ExampleUnit();

    @AfterEach
    void close() {
        unit.close();
    }

    private void become(Map<String, Long> turned) {
        unit.close();
        unit = new ExampleUnit(turned, SmmuCacheGeometries.DEFAULT);
    }

    /** STALL_MAX is 64 on a current server. */
    private static Map<String, Long> stallMax(long most) {
        return Map.of("IDR5", (64 ^ most) << 16);
    }

    private void mend() {
        unit.store(LEAF, 0x0060000123457f43L);
    }

    private List<DeviceMessage> told() {
        return unit.hardware.takeMessages();
    }

    private DeviceMessage toldOnce() {
        var told = told();
        assertThat(told).hasSize(1);
        return told.getFirst();
    }

    private Translation.Stalled stalledAgain() {
        return (Translation.Stalled) ((Resumed) toldOnce()).outcome();
    }

    // ---- one

    @Test
    void eachHasATicketAndATag() {
        var first = unit.stall(STALLS);
        var second = unit.stall("21/7 write 7fabcdef2238");

        assertThat(first.tag()).isZero();
        assertThat(second.tag()).isEqualTo(1);
        assertThat(second.ticket()).isNotEqualTo(first.ticket());
        assertThat(first.fault().recorded()).isTrue();
        assertThat(second.fault().words()).containsExactly(0x2100007812L, 0x20080000001L, 0x7fabcdef2238L, 0L);
        assertThat(unit.events().getLast())
                .isEqualTo("0000002100007812 0000020080000001 00007fabcdef2238 0000000000000000");
        assertThat(told()).isEmpty();
    }

    @Test
    void retriedItGoesThroughWhenThatIsMended() {
        var stalled = unit.stall(STALLS);
        mend();
        unit.command(Commands.retry(0x21, 0));

        assertThat(toldOnce()).isInstanceOfSatisfying(Resumed.class, resumed -> {
            assertThat(resumed.ticket()).isEqualTo(stalled.ticket());
            assertThat(resumed.request()).isEqualTo(ExampleUnit.request(STALLS));
            assertThat(resumed.outcome())
                    .isInstanceOfSatisfying(
                            Translation.Translated.class,
                            page -> assertThat(page.address()).isEqualTo(0x123457234L));
        });
        assertThat(unit.events()).hasSize(1);
        assertThat(told()).isEmpty();
    }

    /** Whatever the STE makes of it. */
    @ParameterizedTest
    @ValueSource(
            strings = {"21/7 read", "21/7 write", "21/7 execute", "21/7 privileged-read", "21/7 privileged-execute"})
    void retriedItIsWhatItWas(String how) {
        unit.edit("80000848 = 000a1000100000d4"); // PRIVCFG 2, INSTCFG 2
        var sent = how + " 7fabcdef2234";
        unit.stall(sent);
        unit.command(Commands.retry(0x21, 0));
        assertThat(((Resumed) toldOnce()).request()).isEqualTo(ExampleUnit.request(sent));
    }

    @Test
    void retriedAsItIsItStallsAgainByAnotherTicket() {
        var stalled = unit.stall(STALLS);
        unit.command(Commands.retry(0x21, 0));
        var again = stalledAgain();
        assertThat(again.ticket()).isGreaterThan(stalled.ticket());
        assertThat(again.tag()).isZero();
        assertThat(unit.events()).hasSize(2);
        mend();
        unit.command(Commands.retry(0x21, 0));
        assertThat(((Resumed) toldOnce()).ticket()).isEqualTo(again.ticket());
    }

    /** With the configuration of that time: it is a new arrival. */
    @Test
    void retriedWithoutItsSteItFaults() {
        unit.stall(STALLS);
        unit.edit("80000840 = 0");
        unit.command(Commands.cfgiSte(0x21, true));
        assertThat(told()).as("an invalidation does nothing to it").isEmpty();
        unit.command(Commands.retry(0x21, 0));
        assertThat(((Resumed) toldOnce()).outcome())
                .isInstanceOfSatisfying(
                        Translation.Faulted.class,
                        faulted -> assertThat(faulted.fault().name()).isEqualTo("C_BAD_STE"));
    }

    /** What its device has been told since is nothing to a transaction that is in the unit. */
    @Test
    void retriedItIsNotAnsweredByItsDevice() {
        unit.hardware.connect(new Requester(0x21, 20, true, false));
        unit.stall(STALLS);
        mend();
        unit.translate("21/7 ask-read 7fabcdef2000");
        unit.store(LEAF, 0x0060000123457b43L);
        unit.command(Commands.tlbiNsnhAll());
        unit.command(Commands.retry(0x21, 0));
        stalledAgain();
    }

    @ParameterizedTest(name = "{0} {1}")
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
            w0               | w1 | aborted
            0000002100002044 | 0  | true
            0000002100000044 | 0  | false
            0000002100000045 | 0  | true
            """)
    void ended(String w0, String w1, boolean aborted) {
        var stalled = unit.stall(STALLS);
        unit.command(new long[] {ExampleUnit.hex(w0), ExampleUnit.hex(w1)});
        assertThat(told()).containsExactly(new Terminated(stalled.ticket(), aborted));
        mend();
        unit.command(Commands.retry(0x21, 0));
        assertThat(told()).as("there is none any more").isEmpty();
    }

    /** TERM_MODEL: whatever RESUME says. */
    @Test
    void aUnitThatOnlyAborts() {
        become(Map.of("IDR0", Idr0.TERM_MODEL.mask()));
        var stalled = unit.stall(STALLS);
        unit.command(Commands.terminate(0x21, 0, false));
        assertThat(told()).containsExactly(new Terminated(stalled.ticket(), true));
    }

    /** Ac wins over Ab. */
    @Test
    void aRetryThatSaysAbortIsARetry() {
        unit.stall(STALLS);
        mend();
        unit.command(new long[] {0x2100003044L, 0});
        assertThat(toldOnce()).isInstanceOf(Resumed.class);
    }

    @ParameterizedTest(name = "{0} {1}")
    @CsvSource({"0000002100001044, 1", "0000002200001044, 0", "0000002200000045, 0", "0001002100002044, 0"})
    void ofAnotherStreamOrTagNothingIsMeant(String w0, String w1) {
        var stalled = unit.stall(STALLS);
        unit.command(new long[] {ExampleUnit.hex(w0), ExampleUnit.hex(w1)});
        assertThat(told()).isEmpty();
        unit.command(Commands.stallTerm(0x21));
        assertThat(told()).containsExactly(new Terminated(stalled.ticket(), true));
    }

    @Test
    void stallTermEndsThoseOfItsStreamAlone() {
        unit.edit("80000890 = 060d355800000011");
        var first = unit.stall(STALLS);
        var other = unit.stall("22 write 80456789a8");
        var second = unit.stall(STALLS);
        unit.command(Commands.stallTerm(0x21));
        assertThat(told()).containsExactly(new Terminated(first.ticket(), true), new Terminated(second.ticket(), true));
        unit.command(Commands.terminate(0x22, other.tag(), true));
        assertThat(told()).containsExactly(new Terminated(other.ticket(), true));
    }

    @Test
    void turningTranslationOffAbortsAll() {
        unit.edit("80000890 = 060d355800000011");
        var first = unit.stall(STALLS);
        var second = unit.stall("22 write 80456789a8");
        unit.write("CR0=1e");
        assertThat(told()).containsExactly(new Terminated(first.ticket(), true), new Terminated(second.ticket(), true));
        unit.write("CR0=1f");
        assertThat(told()).isEmpty();
        assertThat(unit.stall(STALLS).tag()).as("STAGs are free").isZero();
    }

    /** On its way while translation is turned off, a transaction does not come to wait for a unit that is off. */
    @Test
    void whoComesToWaitTooLateIsAborted() {
        var stalls = new Stalls(4);
        var transaction = new Transaction();
        transaction.begin(0x21, 7, 0x1000, 1);
        transaction.era = stalls.era();
        assertThat(stalls.dropAll()).isEmpty();
        assertThat(stalls.add(transaction)).isEqualTo(Stalls.Admission.TOO_LATE);
        assertThat(stalls.dropAll()).isEmpty();
        transaction.era = stalls.era();
        assertThat(stalls.add(transaction)).isEqualTo(Stalls.Admission.WAITS);
        assertThat(stalls.dropAll()).containsExactly(transaction.ticket);
    }

    /** Turning translation on ends nothing: who sees that it is on waits, although not all of the write has been done. */
    @Test
    void whoComesWhileTranslationIsTurnedOnWaits() throws InterruptedException {
        unit.write("CR0=1e");
        var recording = new CountDownLatch(1);
        var goOn = new CountDownLatch(1);
        unit.whenWritten = () -> {
            recording.countDown();
            await(goOn);
        };
        // in the middle of a record, with the Event queue's lock
        var forbidden = Thread.ofPlatform().start(() -> unit.translate("21 translated-read 123456234"));
        recording.await();
        var turning = Thread.ofPlatform().start(() -> unit.write("CR0=1f"));
        var comes = Thread.ofPlatform().start(() -> {
            while (unit.translate(STALLS) instanceof Translation.Translated) {
                Thread.onSpinWait();
            }
        });
        while (turning.getState() != Thread.State.BLOCKED || comes.getState() != Thread.State.BLOCKED) {
            Thread.onSpinWait();
        }
        goOn.countDown();
        for (var thread : List.of(forbidden, turning, comes)) {
            thread.join();
        }
        assertThat(told()).isEmpty();
        assertThat(unit.events().getLast()).startsWith("0000002100007812 0000020880000000");
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void anExplanationHasNeitherTicketNorTag() {
        assertThat(unit.hardware.explain(ExampleUnit.request(STALLS)).result())
                .isInstanceOfSatisfying(Translation.Stalled.class, stalled -> {
                    assertThat(stalled.ticket()).isZero();
                    assertThat(stalled.tag()).isEqualTo(-1);
                });
        assertThat(unit.stall(STALLS).tag()).isZero();
    }

    // ---- without room

    /** EVENTQ of two entries. */
    private void few() {
        unit.write("CR0=19 EVENTQ_BASE=b0000001 EVENTQ_PROD=0 EVENTQ_CONS=0 CR0=1d");
    }

    @Test
    void thoseThatCannotBeRecordedWaitWithoutATag() {
        few();
        unit.stall(STALLS);
        unit.stall(STALLS);
        var third = unit.stall(STALLS);
        var fourth = unit.stall(STALLS);
        assertThat(third.tag()).isEqualTo(-1);
        assertThat(third.fault().recorded()).isFalse();
        assertThat(third.fault().words()).containsExactly(0x2100007812L, 0x20880000000L, 0x7fabcdef2234L, 0L);
        assertThat(unit.register("EVENTQ_PROD")).as("no overflow").isEqualTo(2);
        unit.command(Commands.retry(0x21, 2));
        assertThat(told()).as("nobody knows its tag").isEmpty();

        unit.write("EVENTQ_CONS=1"); // room for one
        assertThat(toldOnce()).isInstanceOfSatisfying(Resumed.class, resumed -> {
            assertThat(resumed.ticket()).isEqualTo(third.ticket());
            assertThat(((Translation.Stalled) resumed.outcome()).tag()).isEqualTo(2);
        });
        assertThat(unit.register("EVENTQ_PROD")).isEqualTo(3);

        mend();
        unit.write("EVENTQ_CONS=2");
        assertThat(toldOnce()).isInstanceOfSatisfying(Resumed.class, resumed -> {
            assertThat(resumed.ticket()).isEqualTo(fourth.ticket());
            assertThat(resumed.outcome()).isInstanceOf(Translation.Translated.class);
        });
        assertThat(unit.register("EVENTQ_PROD")).isEqualTo(3);
    }

    @ParameterizedTest
    @ValueSource(strings = {"CR0=1d", "EVENTQ_CONS=2", "GERRORN=4"})
    void theQueueCanBecomeWritableInSeveralWays(String how) {
        few();
        switch (how) {
            case "CR0=1d" -> unit.write("CR0=19");
            case "GERRORN=4" -> {
                unit.write("CR0=19 EVENTQ_BASE=c0000001 CR0=1d");
                unit.stall(STALLS);
                unit.write("CR0=19 EVENTQ_BASE=b0000001 CR0=1d");
                told();
            }
            default -> {
                unit.translate("25 read 1000");
                unit.translate("25 read 1000");
            }
        }
        var stalled = unit.stall(STALLS);
        assertThat(stalled.tag()).isEqualTo(-1);
        unit.write(how);
        assertThat(told())
                .anySatisfy(message -> assertThat(((Resumed) message).ticket()).isEqualTo(stalled.ticket()));
    }

    @Test
    void clearingFaultsMakesRoom() {
        few();
        unit.stall(STALLS);
        unit.stall(STALLS);
        var third = unit.stall(STALLS);
        unit.hardware.clearFaults();
        assertThat(((Resumed) toldOnce()).ticket()).isEqualTo(third.ticket());
    }

    /** IDR5.STALL_MAX: the next one waits for a STAG. */
    @Test
    void thoseBeyondTheMostWaitForAStag() {
        become(stallMax(2));
        unit.stall(STALLS);
        var second = unit.stall(STALLS);
        var third = unit.stall(STALLS);
        var fourth = unit.stall(STALLS);
        assertThat(third.tag()).isEqualTo(-1);
        assertThat(unit.events()).hasSize(2);

        unit.command(Commands.terminate(0x21, 1, true));
        var told = told();
        assertThat(told.getFirst()).isEqualTo(new Terminated(second.ticket(), true));
        assertThat(told.get(1)).isInstanceOfSatisfying(Resumed.class, resumed -> {
            assertThat(resumed.ticket()).isEqualTo(third.ticket());
            assertThat(((Translation.Stalled) resumed.outcome()).tag()).isEqualTo(1);
        });
        assertThat(told).hasSize(2);
        unit.command(Commands.stallTerm(0x21));
        assertThat(told()).hasSize(3).last().isEqualTo(new Terminated(stalledTicket(told.get(1)), true));
        assertThat(fourth.ticket()).isLessThan(stalledTicket(told.get(1)));
        assertThat(unit.stall(STALLS).tag()).isZero();
    }

    private static long stalledTicket(DeviceMessage message) {
        return ((Translation.Stalled) ((Resumed) message).outcome()).ticket();
    }

    @Test
    void thoseWithoutATagEndWithTheirStreamAndTheUnit() {
        become(stallMax(1));
        unit.stall(STALLS);
        var second = unit.stall(STALLS);
        unit.command(Commands.stallTerm(0x21));
        assertThat(told()).hasSize(2).contains(new Terminated(second.ticket(), true));
        unit.stall(STALLS);
        var fourth = unit.stall(STALLS);
        unit.write("CR0=1e");
        assertThat(told()).hasSize(2).contains(new Terminated(fourth.ticket(), true));
    }

    // ---- without an end

    /** What waits unrecorded, beyond those that can have a STAG, is bounded: who comes then is aborted, and his record says that. */
    @Test
    void aUnitHoldsOnlySoMany() {
        become(stallMax(2));
        few();
        int most = 2 + 4096;
        for (int i = 0; i < most; i++) {
            unit.stall(STALLS);
        }
        assertThat(unit.register("EVENTQ_PROD")).isEqualTo(2);

        var terminated = (Translation.Faulted) unit.translate(STALLS);
        assertThat(terminated.fault().words()).containsExactly(0x2100007812L, 0x20800000000L, 0x7fabcdef2234L, 0L);
        assertThat(terminated.fault().ignored()).isFalse();
        assertThat(terminated.fault().recorded()).isFalse();
        assertThat(unit.register("EVENTQ_PROD")).as("its record is lost").isEqualTo(0x8000_0002L);
        assertThat(unit.hardware.faultsDropped()).isOne();

        unit.write("EVENTQ_CONS=80000001"); // room, but no STAG for those that wait already
        assertThat(unit.translate(STALLS)).isInstanceOf(Translation.Faulted.class);
        assertThat(unit.events().getLast())
                .isEqualTo("0000002100007812 0000020800000000 00007fabcdef2234 0000000000000000");

        unit.command(Commands.retry(0x21, 1)); // it keeps the room that it has
        assertThat(told())
                .hasSize(1)
                .allSatisfy(
                        message -> assertThat(((Resumed) message).outcome()).isInstanceOf(Translation.Stalled.class));
        unit.command(Commands.stallTerm(0x21));
        assertThat(told()).hasSize(most);
        assertThat(unit.stall(STALLS).fault().recorded())
                .as("the queue is full")
                .isFalse();
    }

    // ---- messages that nobody takes

    @Test
    void whatNobodyTakesDoesNotGrowWithoutLimit() {
        var messages = new DeviceMessages();
        for (int i = 0; i < DeviceMessages.KEPT + 10; i++) {
            messages.add(new Terminated(i, true));
        }
        messages.begin();
        messages.add(new Terminated(-1, true));
        var taken = messages.take();
        assertThat(taken).hasSize(DeviceMessages.KEPT + 1);
        assertThat(taken.getFirst()).isEqualTo(new Terminated(10, true));
        assertThat(taken.getLast()).isEqualTo(new Terminated(-1, true));
        assertThat(messages.take()).isEmpty();
    }

    // ---- many

    /** Whoever stalls is told of once; by the tickets that follow from it in the end everybody has come to something. */
    @Test
    void ofManyThatStallEachComesToOneEnd() throws InterruptedException {
        become(stallMax(5));
        few();
        var tickets = new ConcurrentLinkedQueue<Long>();
        var ended = new ConcurrentHashMap<Long, DeviceMessage>();
        var twice = new ConcurrentLinkedQueue<DeviceMessage>();
        var threads = new ArrayList<Thread>();
        for (int thread = 0; thread < 3; thread++) {
            threads.add(Thread.ofPlatform().start(() -> {
                for (int i = 0; i < 2_000; i++) {
                    if (unit.translate(STALLS) instanceof Translation.Stalled stalled) {
                        tickets.add(stalled.ticket());
                    }
                }
            }));
        }
        var random = new Random(1);
        var followers = new HashMap<Long, Long>();
        while (threads.stream().anyMatch(Thread::isAlive)) {
            switch (random.nextInt(8)) {
                case 0 -> unit.command(Commands.stallTerm(0x21));
                case 1 -> unit.command(Commands.terminate(0x21, random.nextInt(5), true));
                case 2 -> unit.command(Commands.retry(0x21, random.nextInt(5)));
                case 3 -> unit.write(random.nextInt(20) == 0 ? "CR0=1e CR0=1f" : "GERRORN=0");
                default -> unit.hardware.clearFaults();
            }
            take(ended, twice, followers);
        }
        for (var thread : threads) {
            thread.join();
        }
        unit.write("CR0=1e");
        take(ended, twice, followers);

        assertThat(twice).isEmpty();
        Set<Long> everybody = new HashSet<>(tickets);
        assertThat(everybody).as("never given twice").hasSize(tickets.size());
        everybody.addAll(followers.keySet());
        assertThat(everybody).hasSize(tickets.size() + followers.size());
        assertThat(ended.keySet()).isEqualTo(everybody);
    }

    private void take(Map<Long, DeviceMessage> ended, Collection<DeviceMessage> twice, Map<Long, Long> followers) {
        for (var message : told()) {
            long ticket = switch (message) {
                case Resumed resumed -> {
                    if (resumed.outcome() instanceof Translation.Stalled again) {
                        followers.put(again.ticket(), resumed.ticket());
                    }
                    yield resumed.ticket();
                }
                case Terminated terminated -> terminated.ticket();
                case DeviceMessage.GroupAnswered answered -> throw new AssertionError(answered);
            };
            if (ended.put(ticket, message) != null) {
                twice.add(message);
            }
        }
    }

    /** Room that is made while a transaction finds none, before it waits for some: nobody would come to wake it. */
    @Test
    void roomThatIsMadeMeanwhileIsFound() {
        unit.write("CR0=19 EVENTQ_BASE=c0000001 GERROR_IRQ_CFG0=b0020000 GERROR_IRQ_CFG1=1 IRQ_CTRL=1 CR0=1d");
        // the message that the queue cannot be written is read at once
        unit.whenWritten = () -> unit.write("CR0=19 EVENTQ_BASE=b0000001 CR0=1d GERRORN=4");
        var stalled = unit.stall(STALLS);
        assertThat(stalled.tag()).isZero();
        assertThat(stalled.fault().recorded()).isTrue();
        assertThat(unit.events()).hasSize(1);
        assertThat(told()).isEmpty();
    }

    /** Who is resumed by a guess before his record was written is not resumed twice. */
    @Test
    void aTagThatWasGuessed() {
        unit.write("CR0=19 EVENTQ_BASE=c0000001 GERROR_IRQ_CFG0=b0020000 GERROR_IRQ_CFG1=1 IRQ_CTRL=1 CR0=1d");
        unit.whenWritten = () -> unit.command(Commands.terminate(0x21, 0, true));
        var stalled = unit.stall(STALLS);
        assertThat(stalled.tag()).isEqualTo(-1);
        assertThat(told()).containsExactly(new Terminated(stalled.ticket(), true));
        unit.write("CR0=1e");
        assertThat(told()).isEmpty();
    }
}
