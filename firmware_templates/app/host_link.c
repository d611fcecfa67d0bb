#include "host_link.h"

#include "classes.h"
#include "console.h"
#include "crc32.h"
#include "self_test.h"

#include <stdbool.h>
#include <string.h>

#define BYTE_TIMEOUT_MS 500u /* longest wait between two bytes of a window */
#define WINDOW_BYTES (2u * BIRDNET_WINDOW_SAMPLES)
#define LINE_CHARACTERS 16u
#define WORD "window "
#define WORD_CHARACTERS (sizeof WORD - 1u)
#define CRC_CHARACTERS 8u

static int16_t window[BIRDNET_WINDOW_SAMPLES] __attribute__((section(".birdnet_buffers")));
static float probabilities[BIRDNET_OUTPUT_ELEMENTS] __attribute__((section(".birdnet_buffers")));

/* Writes eight hexadecimal digits without 0x. */
static void write_digits(uint32_t value) {
    static const char digits[] = "0123456789abcdef";
    char text[CRC_CHARACTERS];
    for (size_t i = CRC_CHARACTERS; i > 0u; --i) {
        text[i - 1u] = digits[value & 15u];
        value >>= 4;
    }
    console_write(text, sizeof text);
}

static bool read_digits(const char *text, uint32_t *value) {
    *value = 0u;
    for (size_t i = 0; i < CRC_CHARACTERS; ++i) {
        const char digit = text[i];
        if (digit >= '0' && digit <= '9') {
            *value = (*value << 4) | (uint32_t)(digit - '0');
        } else if (digit >= 'a' && digit <= 'f') {
            *value = (*value << 4) | (uint32_t)(digit - 'a' + 10);
        } else {
            return false;
        }
    }
    return true;
}

/* Reads up to a line feed. Returns false if nothing came for idle_ms. If the line is not a request,
 * `request` becomes false. */
static bool read_request(uint32_t idle_ms, bool *request, uint32_t *crc) {
    char line[LINE_CHARACTERS];
    size_t length = 0;
    for (;;) {
        const int byte = console_read(idle_ms);
        if (byte < 0) {
            return false;
        }
        if (byte == '\n') {
            break;
        }
        if (length < LINE_CHARACTERS) {
            line[length] = (char)byte;
        }
        ++length;
    }
    *request = length == WORD_CHARACTERS + CRC_CHARACTERS &&
               memcmp(line, WORD, WORD_CHARACTERS) == 0 && read_digits(line + WORD_CHARACTERS, crc);
    return true;
}

/* Reads the window after a request. Returns NULL, or a text that says why it cannot be used. */
static const char *read_window(uint32_t expected_crc) {
    uint32_t crc = CRC32_BEGIN;
    for (size_t i = 0; i < WINDOW_BYTES; ++i) {
        const int byte = console_read(BYTE_TIMEOUT_MS);
        if (byte < 0) {
            return "the samples stopped";
        }
        crc = crc32_add(crc, (uint32_t)byte);
        if (i % 2u == 0u) {
            window[i / 2u] = (int16_t)byte;
        } else {
            const uint32_t bits = (uint16_t)window[i / 2u] | ((uint32_t)byte << 8);
            window[i / 2u] = (int16_t)(uint16_t)bits;
        }
    }
    return crc32_end(crc) == expected_crc ? NULL : "the samples are damaged";
}

static void refuse(uint32_t crc, const char *why) {
    console_text("retry ");
    write_digits(crc);
    console_text(" ");
    console_quoted(why);
    console_text("\n");
}

static void answer(inference_t *inference, uint32_t crc) {
    const uint32_t begin = self_test_cycles();
    birdnet_status_t status = inference_features(inference, window);
    const uint32_t middle = self_test_cycles();
    if (status == BIRDNET_OK) {
        status = inference_invoke(inference);
    }
    const uint32_t end = self_test_cycles();
    if (status == BIRDNET_OK) {
        status = inference_scores(inference, probabilities);
    }
    if (status != BIRDNET_OK) {
        refuse(crc, "the inference failed");
        return;
    }
    console_text("scores ");
    write_digits(crc);
    console_text(" ");
    console_unsigned(middle - begin);
    console_text(" ");
    console_unsigned(end - middle);
    console_text(" ");
    for (size_t i = 0; i < classes_count(&inference->network); ++i) {
        uint32_t bits;
        memcpy(&bits, &probabilities[i], sizeof bits);
        write_digits(bits);
    }
    console_text("\n");
}

void host_link_serve(inference_t *inference, uint32_t idle_ms) {
    bool request;
    uint32_t crc;
    while (read_request(idle_ms, &request, &crc)) {
        if (!request) {
            continue; /* part of a lost line: the host asks again if no answer comes */
        }
        const char *why = read_window(crc);
        if (why == NULL) {
            answer(inference, crc);
        } else {
            refuse(crc, why);
        }
    }
}
