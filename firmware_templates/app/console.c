#include "console.h"

#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

void console_text(const char *text) {
    console_write(text, strlen(text));
}

static void write_escaped(char character) {
    const uint8_t byte = (uint8_t)character;
    const char escape[] = {'\\', 'u', '0', '0', hex_digits[byte >> 4], hex_digits[byte & 15u]};
    console_write(escape, sizeof escape);
}

void console_quoted(const char *text) {
    console_write("\"", 1);
    for (; *text != '\0'; ++text) {
        const uint8_t byte = (uint8_t)*text;
        if (byte < 0x20u || byte == '"' || byte == '\\' || byte == 0x7Fu) {
            write_escaped(*text);
        } else {
            console_write(text, 1);
        }
    }
    console_write("\"", 1);
}

static void write_decimal(uint64_t value, uint32_t min_digits) {
    char digits[20];
    size_t first = sizeof digits;
    do {
        digits[--first] = (char)('0' + value % 10u);
        value /= 10u;
    } while (value != 0u || sizeof digits - first < min_digits);
    console_write(&digits[first], sizeof digits - first);
}

void console_unsigned(uint32_t value) {
    write_decimal(value, 1);
}

void console_unsigned64(uint64_t value) {
    write_decimal(value, 1);
}

void console_fraction24(uint32_t value) {
    const uint32_t rest = value & 0xFFFFFFu;
    console_unsigned(value >> 24);
    console_text(".");
    write_decimal(((uint64_t)rest * 1000000000u + 0x800000u) >> 24, 9);
}

void console_hex(uint32_t value) {
    char digits[8];
    for (size_t i = 0; i < sizeof digits; ++i) {
        digits[i] = hex_digits[(value >> (28u - 4u * i)) & 15u];
    }
    console_text("0x");
    console_write(digits, sizeof digits);
}

void console_fixed(float value, uint32_t decimals) {
    static const uint32_t powers[] = {1u,      10u,      100u,      1000u,      10000u,
                                      100000u, 1000000u, 10000000u, 100000000u, 1000000000u};
    const float limit = 4e9f;

    if (value != value) {
        console_text("nan");
        return;
    }
    if (value < 0.0f) {
        console_text("-");
        value = -value;
    }
    if (value > limit) {
        value = limit;
    }
    if (decimals > 9u) {
        decimals = 9u;
    }
    uint32_t whole = (uint32_t)value;
    uint32_t fraction = (uint32_t)((value - (float)whole) * (float)powers[decimals] + 0.5f);
    if (fraction >= powers[decimals]) {
        fraction -= powers[decimals];
        ++whole;
    }
    console_unsigned(whole);
    if (decimals > 0u) {
        console_text(".");
        write_decimal(fraction, decimals);
    }
}
