package dev.ioasid.packaged;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ReadmeTourTest {
    @Test
    void onlyTheShBlocksOfTheSectionAreRunInOrderAgainstTheAddressGiven(@TempDir Path folder) throws Exception {
        var log = folder.resolve("log");
        ReadmeTour.of("""
                ## Before
                ```sh
                echo before >> LOG
                ```
                ## A tour in five minutes
                Some prose.
                ```sh
                ## a comment, no heading
                echo one >> LOG
                ```
                ```bash
                echo not run >> LOG
                ```
                ```sh
                echo localhost:8080 >> LOG
                ```
                ## After
                ```sh
                echo after >> LOG
                ```
                """.replace("LOG", log.toString())).run("127.0.0.1:4711");
        assertThat(log).hasContent("one\n127.0.0.1:4711\n");
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', quoteCharacter = '~', textBlock = """
            echo '{"b": [1, {}], "a": "http://localhost:8080/"}' ; json    ; {"a": "http://localhost:8080/", "b": [1, {}]}
            printf ' a  \\n b\\n\\n'                             ; text    ; ~ a\\n b~
            printf ''                                            ; text    ; ~~
            echo anything                                        ; console ; anything else
            """)
    void acceptsWhatIsWritten(String command, String language, String answer) {
        var tour = tour(command, language, answer.replace("\\n", "\n"));
        assertThatCode(() -> tour.run("127.0.0.1:4711")).doesNotThrowAnyException();
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', quoteCharacter = '~', textBlock = """
            false                   ; console ; ~~           ; exit status
            false | cat             ; console ; ~~           ; exit status
            echo $never_set         ; console ; ~~           ; never_set: unbound variable
            echo '{"a": 1, "b": 2}' ; json    ; {"a": 1}     ; "b" : 2
            echo '{"a": [1, 2]}'    ; json    ; {"a": [2,1]} ; block 1 of the tour, line 2
            echo '{"a": 1}'         ; json    ; {"a": "1"}   ; "a" : "1"
            echo '{"a": 1, "a": 1}' ; json    ; {"a": 1}     ; not one JSON value
            echo '{} {}'            ; json    ; {}           ; not one JSON value
            echo '{}'               ; json    ; {"a": ...}   ; not one JSON value: the answer to
            echo a b                ; text    ; a  b         ; echo a b
            """)
    void refusesAllElseAndSaysWhere(String command, String language, String answer, String says) {
        var tour = tour(command, language, answer);
        assertThatThrownBy(() -> tour.run("127.0.0.1:4711"))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining(says)
                .hasMessageContaining(command);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "# No tour\n```sh\ntrue\n```\n",
                "## A tour in five minutes\n```bash\ntrue\n```\n",
                "## A tour in five minutes\n```sh\ntrue\n"
            })
    void aReadmeWithoutATourIsAnError(String readme) {
        assertThatIllegalArgumentException().isThrownBy(() -> ReadmeTour.of(readme));
    }

    private static ReadmeTour tour(String command, String language, String answer) {
        return ReadmeTour.of(
                "## A tour in five minutes\n```sh\n" + command + "\n```\n```" + language + "\n" + answer + "\n```\n");
    }
}
