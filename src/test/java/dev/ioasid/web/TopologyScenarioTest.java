package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TopologyScenarioTest extends HttpTest {
    private static final String TOPOLOGY = M1 + "/topology";

    @BeforeEach
    void makeMachine() {
        machine("siov");
    }

    @ParameterizedTest(name = "Accept: {0}, {1}")
    @CsvSource(textBlock = """
            */*,                        '',           application/json
            application/json,           '',           application/json
            text/plain,                 '',           text/plain
            image/svg+xml,              '',           image/svg+xml
            'text/plain;q=0.5, image/*', '',          image/svg+xml
            */*,                        ?format=json, application/json
            application/json,           ?format=text, text/plain
            text/html,                  ?format=svg,  image/svg+xml
            """)
    void theFormIsTheOneAskedFor(String accept, String query, String type) {
        var answer = client.get()
                .uri(TOPOLOGY + query)
                .header("Accept", accept)
                .exchange()
                .expectStatus()
                .isOk();
        answer.expectHeader().contentTypeCompatibleWith(type);
        var body = new String(bytes(answer), StandardCharsets.UTF_8);
        assertThat(body).contains("RID1");
        assertThat(body).startsWith(type.equals("application/json") ? "{" : type.equals("text/plain") ? "RID1" : "<");
    }

    @Test
    void dataSaysWhoRoutesWhere() {
        get(TOPOLOGY).expectBody().json("""
                {"machine": "m1",
                 "devices": [{"rid": "0000:3a:00.0", "label": "RID1", "iommu": "iommu0"},
                             {"rid": "0000:3b:00.0", "label": "RID2"}],
                 "ioasids": [
                   {"id": 1, "type": "paging", "mappedBytes": "0x0",
                    "routes": [{"rid": "0000:3a:00.0", "deviceLabel": "RID1"}]},
                   {"id": 2, "routes": [{"rid": "0000:3a:00.0", "pasid": 1, "pasidLabel": "PASID-x"},
                                        {"pasid": 3, "pasidLabel": "PASID-a", "bind": 1}, {"pasid": 4, "bind": 2}]},
                   {"id": 3, "routes": [{"rid": "0000:3a:00.0", "pasid": 2}, {"pasid": 5, "bind": 3},
                                        {"rid": "0000:3b:00.0"}, {"rid": "0000:3b:00.0", "bind": 4}]}]}""");
    }

    @Test
    void aFormThatIsNotToBeHadIsRefused() {
        expectRefused(client.get().uri(TOPOLOGY).header("Accept", "text/html").exchange(), 406, "EINVAL");
        expectRefused(get(TOPOLOGY + "?format=png"), 406, "EINVAL");
        expectRefused(get(TOPOLOGY + "?form=text"), 400, "EINVAL");
        expectRefused(get(M1 + "/ioasids?format=json"), 400, "EINVAL");
    }
}
