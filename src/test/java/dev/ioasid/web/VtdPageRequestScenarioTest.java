package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** What of page requests is seen of a VT-d unit itself: its registers, and the descriptor that answers a group. */
class VtdPageRequestScenarioTest extends HttpTest {
    private static final String UNIT = M1 + "/iommus/u";

    private void unit(String properties) {
        machine("empty");
        post(M1 + "/iommus", "{\"name\": \"u\", \"type\": \"vtd\", " + properties + "}")
                .expectStatus()
                .isCreated();
    }

    private void scalableMode() {
        patch(UNIT + "/registers", "{\"RTADDR\": \"0x100400\", \"GCMD\": \"0x40000000\"}")
                .expectStatus()
                .isOk();
    }

    @Test
    void theQueueOfAnUnmanagedUnitIsSetUpByHand() {
        unit("\"managed\": false");
        get(UNIT + "/registers").expectBody().json("""
                {"PQH": "0x0", "PQT": "0x0", "PQA": "0x0", "PRS": "0x0", "PECTL": "0x80000000", "PEDATA": "0x0",
                 "PEADDR": "0x0", "PEUADDR": "0x0"}""");
        patch(UNIT + "/registers", """
                {"PQH": "0x20", "PQT": "0x40", "PQA": "0x200002", "PEDATA": "0x31", "PEADDR": "0xfee00000", "PECTL": "0x0"}""").expectStatus().isOk().expectBody().json("""
                        {"PQH": "0x20", "PQT": "0x40", "PQA": "0x200002", "PRS": "0x0", "PECTL": "0x0", "PEDATA": "0x31",
                         "PEADDR": "0xfee00000"}""");
        refused(patch(UNIT + "/registers", "{\"PQA\": \"0x300000\", \"PRS\": \"0x100000000\"}"), 400, "EINVAL", """
                {"register": "PRS"}""");
        get(UNIT + "/registers").expectBody().json("{\"PQA\": \"0x200002\"}");
    }

    @Test
    void aUnitThatTakesNoPageRequestsHasNoQueue() {
        unit("\"managed\": false, \"capabilities\": {\"pri\": false}");
        assertThat(json(UNIT + "/registers").has("PQA")).isFalse();
        refused(patch(UNIT + "/registers", "{\"PQA\": \"0x300000\"}"), 400, "EINVAL", """
                {"register": "PQA", "detail": "there is no register 'PQA': this unit takes no page requests (ECAP.PRS)"}""");
        scalableMode();
        refused(post(UNIT + "/commands", "{\"commands\": [[\"0x3a110009\", \"0x0\"]]}"), 400, "EINVAL", """
                {"queueError": 3, "index": 0, "completed": 0}""");
    }

    @Test
    void anAnswerIsDecoded() {
        unit("\"managed\": false");
        scalableMode();
        post(UNIT + "/commands", """
                {"commands": [["0x12343a111019", "0x2a8"]]}""").expectStatus().isOk().expectBody().json("""
                {"completed": 1, "descriptors": [{"name": "page-group-response",
                  "fields": {"TYPE": "0x9", "PP": "0x1", "RC": "0x1", "RID": "0x3a11", "PASID": "0x1234", "PRGI": "0x55"}}]}""");
    }

    @Test
    void theServiceSetsUpTheQueueOfAManagedUnit() {
        unit("\"managed\": true");
        post(M1 + "/ioasids", "{\"type\": \"paging\"}").expectStatus().isCreated();
        for (var device : new String[] {"\"rid\": \"3a:00.0\", \"pri\": false", "\"rid\": \"3b:00.0\""}) {
            post(M1 + "/devices", "{\"iommu\": \"u\", " + device + "}")
                    .expectStatus()
                    .isCreated();
        }
        put(M1 + "/devices/3a:00.0/attachment", "{\"ioasid\": 1}")
                .expectStatus()
                .is2xxSuccessful();
        get(UNIT + "/registers").expectBody().json("{\"PQA\": \"0x0\"}");
        put(M1 + "/devices/3b:00.0/pasids/1/attachment", "{\"ioasid\": 1}")
                .expectStatus()
                .is2xxSuccessful();
        get(UNIT + "/registers").expectBody().json("{\"PQA\": \"0xfffff000\"}");
        delete(M1 + "/devices/3b:00.0/pasids/1/attachment").expectStatus().isNoContent();
        delete(M1 + "/devices/3b:00.0").expectStatus().isNoContent();
        get(UNIT + "/registers").expectBody().json("{\"PQA\": \"0x0\"}");
    }
}
