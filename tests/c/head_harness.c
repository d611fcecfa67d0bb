/* Opens heads and runs them. Each line of the input is `<bytes of the section> <head in
 * hexadecimal>`; the answer is the status, and for a head that is used its classes, outputs,
 * first threshold and last name in hexadecimal. The section is exactly as large as said, so that a sanitizer sees every
 * read beyond. */
#include "birdnet_head.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int8_t input[4] = {-128, 127, 5, -60};

static birdnet_head_expectation_t expectation(void) {
    birdnet_head_expectation_t expected = {
        .channels = 4, .input_scale = 0.02f, .input_zero_point = -128, .max_classes = 20};
    for (uint32_t i = 0; i < sizeof expected.backbone; ++i) {
        expected.backbone[i] = (uint8_t)i;
    }
    return expected;
}

/* A damaged name may hold line feeds. */
static void print_hexadecimal(const char *text) {
    for (; *text != '\0'; ++text) {
        printf("%02x", (unsigned)(uint8_t)*text);
    }
}

static void answer(const uint8_t *section, size_t bytes) {
    const birdnet_head_expectation_t expected = expectation();
    birdnet_head_t head;
    const birdnet_head_status_t status = birdnet_head_open(&head, &expected, section, bytes);
    printf("%d", (int)status);
    int8_t *const output = malloc(head.classes + 1u);
    const birdnet_status_t ran = birdnet_head_run(&head, input, output);
    if (status == BIRDNET_HEAD_OK && ran == BIRDNET_OK) {
        printf(" %u", (unsigned)head.classes);
        for (uint32_t i = 0; i < head.classes; ++i) {
            printf(" %d", output[i]);
        }
        printf(" %.9g ", (double)head.thresholds[0]);
        print_hexadecimal(birdnet_head_name(&head, head.classes - 1u));
        print_hexadecimal(birdnet_head_name(&head, head.classes)); /* no such class, so nothing */
    } else if ((status == BIRDNET_HEAD_OK) != (ran == BIRDNET_OK)) {
        printf(" ran with status %d", (int)ran);
    }
    printf("\n");
    free(output);
}

int main(void) {
    static char line[1 << 16];
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *text;
        const size_t bytes = strtoul(line, &text, 10);
        uint8_t *const section = bytes == 0u ? NULL : malloc(bytes);
        for (size_t i = 0; i < bytes; ++i) {
            unsigned value = 0xFFu;
            (void)sscanf(text + 1 + 2 * i, "%2x", &value);
            section[i] = (uint8_t)value;
        }
        answer(section, bytes);
        free(section);
    }
    return 0;
}
