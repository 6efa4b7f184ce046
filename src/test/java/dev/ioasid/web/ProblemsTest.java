package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;
import static org.springframework.test.web.servlet.request.MockMvcRequestBuilders.get;
import static org.springframework.test.web.servlet.result.MockMvcResultMatchers.content;
import static org.springframework.test.web.servlet.result.MockMvcResultMatchers.jsonPath;
import static org.springframework.test.web.servlet.result.MockMvcResultMatchers.status;

import dev.ioasid.errno.Errno;
import dev.ioasid.errno.RefusedException;
import dev.ioasid.iommu.DmaRequest;
import dev.ioasid.iommu.Rid;
import dev.ioasid.machine.Route;
import dev.ioasid.memory.AddressRange;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.test.web.servlet.MockMvc;
import org.springframework.test.web.servlet.setup.MockMvcBuilders;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

class ProblemsTest {
    private static final Rid RID = new Rid(0, 0x3a, 0, 0);

    @RestController
    static class Broken {
        @GetMapping("/bug")
        String bug() {
            throw new IllegalStateException("secret");
        }

        @GetMapping("/refusal")
        String refusal() {
            throw new RefusedException(Errno.EBUSY, "in use", Map.of("type", "taken", "ioasid", 3));
        }
    }

    private final MockMvc mvc = MockMvcBuilders.standaloneSetup(new Broken())
            .setControllerAdvice(new Problems())
            .build();

    @Test
    void aBugIsToldWithoutItsDetails() throws Exception {
        mvc.perform(get("/bug"))
                .andExpect(status().isInternalServerError())
                .andExpect(content().contentType("application/problem+json"))
                .andExpect(jsonPath("$.errno").value("EIO"))
                .andExpect(jsonPath("$.instance").value("/bug"))
                .andExpect(result ->
                        assertThat(result.getResponse().getContentAsString()).doesNotContain("secret", "Exception"));
    }

    @Test
    void noSubjectTakesThePlaceOfAMember() throws Exception {
        mvc.perform(get("/refusal").accept("image/png"))
                .andExpect(status().isConflict())
                .andExpect(jsonPath("$.type").value("urn:ioasid:errno:EBUSY"))
                .andExpect(jsonPath("$.ioasid").value(3));
    }

    @ParameterizedTest
    @CsvSource(textBlock = """
            EINVAL,     400
            EPERM,      403
            EACCES,     403
            ENOENT,     404
            ENODEV,     404
            EBUSY,      409
            EEXIST,     409
            EADDRINUSE, 409
            ENOSPC,     409
            E2BIG,      413
            EOPNOTSUPP, 422
            ENOMEM,     507
            """)
    void everyErrnoHasItsStatus(Errno errno, int status) {
        assertThat(Problems.status(errno).value()).isEqualTo(status);
    }

    @ParameterizedTest
    @EnumSource
    void everyErrnoHasAMeaning(Errno errno) {
        assertThat(Problems.problem(errno, "x").getTitle()).isNotEmpty();
        assertThat(Problems.problem(errno, "x").getType()).hasToString("urn:ioasid:errno:" + errno);
    }

    @Test
    void subjectsAreShownAsTheirKindIs() {
        var problem = Problems.problem(new RefusedException(
                Errno.EINVAL,
                "x",
                Map.of(
                        "iova",
                        -1L,
                        "index",
                        7,
                        "rid",
                        RID,
                        "routes",
                        List.of(new Route(RID, 5), new Route(RID, DmaRequest.NO_PASID)),
                        "conflict",
                        Map.of("range", new AddressRange(0, 0xfff)),
                        "machine",
                        "m1")));
        assertThat(problem.getProperties())
                .containsEntry("iova", new Hex(-1))
                .containsEntry("index", 7)
                .containsEntry("rid", RID)
                .containsEntry("routes", List.of(new RouteBody(RID, new Pasid(5)), new RouteBody(RID, null)))
                .containsEntry("conflict", Map.of("range", new RangeBody(new Hex(0), new Hex(0xfff))))
                .containsEntry("machine", "m1");
    }
}
