package dev.ioasid.web;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ioasid.errno.RefusedException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HexTest {
    @ParameterizedTest
    @CsvSource(textBlock = """
            0x0,                  0x0
            0,                    0x0
            4096,                 0x1000
            0x00001000,           0x1000
            0xFFFFffffFFFFffff,   0xffffffffffffffff
            18446744073709551615, 0xffffffffffffffff
            9223372036854775808,  0x8000000000000000
            """)
    void isReadFromAParameterAndPrinted(String text, String printed) {
        assertThat(Hex.parseParameter(text)).hasToString(printed);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "0x",
                "x",
                "-1",
                "+1",
                "0x-1",
                "1.0",
                "1e3",
                "0X10",
                " 1",
                "1 ",
                "0x10000000000000000",
                "18446744073709551616",
                "100000000000000000000",
                "0x1g",
                "1_000",
                "\u0661"
            })
    void whatIsNoneIsRefused(String text) {
        assertThatThrownBy(() -> Hex.parseParameter(text)).isInstanceOf(RefusedException.class);
    }
}
