package dev.ioasid;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The order of the parts: each uses only those before it. */
class ArchitectureTest {
    private static final List<String> PARTS =
            List.of("errno", "memory", "pagetable", "iommu", "machine", "service", "web", "metrics");

    private static final JavaClasses CODE = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .withImportOption(location -> !location.contains("__")) // what the build generates
            .importPackages("dev.ioasid");

    private static String[] within(List<String> parts) {
        return parts.stream().map(part -> "dev.ioasid." + part + "..").toArray(String[]::new);
    }

    @Test
    void eachPartUsesOnlyPartsBeforeIt() {
        for (int part = 0; part < PARTS.size(); part++) {
            var later = within(PARTS.subList(part + 1, PARTS.size()));
            if (later.length > 0) {
                noClasses()
                        .that()
                        .resideInAnyPackage(within(PARTS.subList(part, part + 1)))
                        .should()
                        .dependOnClassesThat()
                        .resideInAnyPackage(later)
                        .because("the parts have an order")
                        .check(CODE);
            }
        }
    }

    @Test
    void thePartsUpToTheMachineArePlainJava() {
        noClasses()
                .that()
                .resideInAnyPackage(within(List.of("errno", "memory", "pagetable", "iommu", "machine")))
                .should()
                .dependOnClassesThat(not(resideInAnyPackage("dev.ioasid..", "java..", "org.jspecify..")))
                .because("they can be embedded, benchmarked and replicated on their own")
                .check(CODE);
    }

    @Test
    void thereIsNoClassOutsideTheParts() {
        classes()
                .that()
                .doNotHaveFullyQualifiedName("dev.ioasid.IoasidApplication")
                .should()
                .resideInAnyPackage(within(PARTS))
                .check(CODE);
    }

    @Test
    void theHalvesOfAUnitMeetOnlyInMemory() {
        noClasses()
                .that()
                .haveNameMatching(
                        ".*\\.(VtdHardware|VtdTranslation|LegacyTranslation|ScalableTranslation|StraightTranslation|VtdCaches"
                                + "|CacheFills|VtdRegisters|InvalidationQueue|DescriptorEffects|DeviceTlbs|FaultLog|FaultReports"
                                + "|PageRequests|PageRequestQueue|PageRequestEvent|DeviceMessages|UnitWrites"
                                + "|SmmuHardware|SmmuTranslation|StraightSmmuTranslation|AtsTranslation|StreamTable|CdTable|SecondStage|SmmuCaches"
                                + "|SmmuRegisters|CommandQueue|CommandExecution|EventQueue|EventReports|Requesters|Stalls|StalledTransactions"
                                + "|PriQueue|PageRequests|DeviceMessages|Mishaps)")
                .should()
                .dependOnClassesThat()
                .haveNameMatching(
                        ".*\\.(VtdDriver|DriverMemory|ContextTables|PasidTables|TableIds|DescriptorWriter|PageRequestReader"
                                + "|DriverRegisters|RouteInvalidations|RouteTables|RouteEntries|PageBlocks|FrameAllocator|SmmuDriver|StreamTableWriter|CdTableWriter"
                                + "|DriverQueue|CommandWriter|StreamWriter|StreamEntries|StreamInvalidations|CdPlace|NestedAsids|Forgetting|Streams|RouteTags|RouteChecks"
                                + "|TlbiRanges|SmmuTableShapes|PriReader)")
                .because("the hardware half reads registers and memory only")
                .check(CODE);
    }

    @Test
    void everyPackageSaysWhatItIs() throws IOException {
        try (var folders = Files.walk(Path.of("src/main/java/dev/ioasid"))) {
            var silent = folders.filter(Files::isDirectory)
                    .filter(folder -> !folder.endsWith("ioasid"))
                    .filter(folder -> !Files.exists(folder.resolve("package-info.java")))
                    .toList();
            assertThat(silent).isEmpty();
        }
    }
}
