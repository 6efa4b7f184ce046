package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.Arrangement;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TopologyScenarioTest extends BothArchitecturesTest {
    private static final String TOPOLOGY = M1 + "/topology";

    @BeforeEach
    void makeMachine() {
        machine(Arrangement.SHARED);
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
                   {"id": 2, "routes": [{"rid": "0000:3a:00.0", "pasid": 1, "pasidLabel": "PASID-x"}]},
                   {"id": 3, "routes": [{"rid": "0000:3a:00.0", "pasid": 2}, {"rid": "0000:3b:00.0"}]}]}""");
    }

    @Test
    void bindsAreDrawnNested() {
        delete(M1).expectStatus().isNoContent();
        machine(Arrangement.GUESTS);
        get(TOPOLOGY).expectBody().json("""
                {"ioasids": [
                   {"id": 1, "routes": [{"rid": "0000:3d:00.0"}, {"rid": "0000:3d:00.0", "pasid": 1}]},
                   {"id": 2, "routes": [{"rid": "0000:3c:00.0"}, {"pasid": 3, "bind": 1}, {"pasid": 4, "bind": 2}]},
                   {"id": 3, "routes": [{"rid": "0000:3a:00.0"}, {"pasid": 5, "bind": 3},
                                        {"rid": "0000:3b:00.0"}, {"rid": "0000:3b:00.0", "pasid": 1, "bind": 4}]}]}""");
        assertThat(text()).isEqualTo("""
                0000:3a:00.0 --- ioasid3 (vm2, GPA)
                                    |-- [0000:3a:00.0]
                                    |-- [0000:3a:00.0, PASID 5]  nested, bind 3
                                    |-- [0000:3b:00.0]
                                    |-- [0000:3b:00.0, PASID 1]  nested, bind 4

                0000:3c:00.0 --- ioasid2 (vm1, GPA)
                                    |-- [0000:3c:00.0]
                                    |-- [0000:3c:00.0, PASID 3]  nested, bind 1
                                    |-- [0000:3c:00.0, PASID 4]  nested, bind 2

                0000:3d:00.0 --- ioasid1 (host)
                                    |-- [0000:3d:00.0]
                                    |-- [0000:3d:00.0, PASID 1]
                """);
    }

    private String text() {
        return new String(
                bytes(client.get().uri(TOPOLOGY).header("Accept", "text/plain").exchange()), StandardCharsets.UTF_8);
    }

    @Test
    void aFormThatIsNotToBeHadIsRefused() {
        expectRefused(client.get().uri(TOPOLOGY).header("Accept", "text/html").exchange(), 406, "EINVAL");
        expectRefused(get(TOPOLOGY + "?format=png"), 406, "EINVAL");
        expectRefused(get(TOPOLOGY + "?form=text"), 400, "EINVAL");
        expectRefused(get(M1 + "/ioasids?format=json"), 400, "EINVAL");
    }
}
