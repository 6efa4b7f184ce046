package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ioasid.iommu.Access;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Fault;
import dev.ioasid.iommu.RecordedRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.iommu.Stage;
import dev.ioasid.machine.MachineEvent;
import dev.ioasid.machine.Route;
import dev.ioasid.pagetable.Permissions;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import tools.jackson.databind.json.JsonMapper;

/** How events look, those among them that a machine seldom has. */
@SpringBootTest
class EventBodiesTest {
    private static final Rid RID = new Rid(0, 0x3a, 0, 0);
    private static final Route ROUTE = new Route(RID, 7);

    @Autowired
    JsonMapper json;

    private void looks(MachineEvent event, String type, String data) {
        assertThat(WireName.of(EventType.of(event))).isEqualTo(type);
        assertThat(json.writeValueAsString(EventBodies.of(event))).isEqualTo(data);
    }

    @Test
    void ofTraffic() {
        looks(
                new MachineEvent.PageRequested(1, ROUTE, 0x9000, Permissions.READ_WRITE, 3, null, true, 5L),
                "page-request",
                """
                {"id":1,"rid":"0000:3a:00.0","pasid":7,"address":"0x9000","permissions":"rw","group":3,"last":true,\
                "dma":5}\
                """);
        looks(new MachineEvent.PageAnswered(1, ROUTE, MachineEvent.PageOutcome.INVALID), "page-response", """
                {"id":1,"rid":"0000:3a:00.0","pasid":7,"response":"invalid"}\
                """);
        looks(new MachineEvent.DmaDone(null, Route.of(RID), 0x1000, Access.WRITE, 0x2000, 0x1800), "dma", """
                {"rid":"0000:3a:00.0","iova":"0x1000","operation":"write","length":"0x2000","transferred":"0x1800"}\
                """);
    }

    @Test
    void ofFaults() {
        var request = new DmaRequest(RID, 7, 0x1234, Access.READ, true, DmaRequest.Kind.TRANSLATED, false);
        var fault = new Fault(0x12, "F_ACCESS", "AF is 0", Stage.FIRST, 3, 0x1234, false, true, List.of(1L, 2L));
        looks(new MachineEvent.Faulted(request, RecordedRequest.TRANSLATED, fault, true, 3), "fault", """
                {"rid":"0000:3a:00.0","pasid":7,"ioasid":3,"iova":"0x1234","access":"read","privileged":true,\
                "type":"translated","stalled":true,"fault":{"code":"0x12","name":"F_ACCESS","detail":"AF is 0",\
                "stage":"first","level":3,"address":"0x1234","recoverable":false,"recorded":true,\
                "words":["0x1","0x2"]}}\
                """);
        var page = new DmaRequest(RID, 7, 0x2000, Access.WRITE, false);
        looks(new MachineEvent.Faulted(page, RecordedRequest.PAGE_REQUEST, fault, false, null), "fault", """
                {"rid":"0000:3a:00.0","pasid":7,"iova":"0x2000","access":"write","privileged":false,\
                "type":"page-request","stalled":false,"fault":{"code":"0x12","name":"F_ACCESS","detail":"AF is 0",\
                "stage":"first","level":3,"address":"0x1234","recoverable":false,"recorded":true,\
                "words":["0x1","0x2"]}}\
                """);
        looks(new MachineEvent.FaultsOmitted(3, new TreeMap<>(Map.of("F_ACCESS", 3L))), "faults-omitted", """
                {"count":3,"reasons":{"F_ACCESS":3}}\
                """);
    }

    @Test
    void ofWhatIsGone() {
        looks(new MachineEvent.IommuDeleted("iommu0"), "iommu-deleted", "{\"name\":\"iommu0\"}");
        looks(new MachineEvent.DeviceRemoved(RID), "device-removed", "{\"rid\":\"0000:3a:00.0\"}");
        looks(new MachineEvent.PasidFreed(ROUTE), "pasid-freed", "{\"rid\":\"0000:3a:00.0\",\"pasid\":7}");
        looks(new MachineEvent.IoasidDeleted(3), "ioasid-deleted", "{\"id\":3}");
        looks(new MachineEvent.CommandsDone("iommu0", 2), "commands", "{\"iommu\":\"iommu0\",\"count\":2}");
    }
}
