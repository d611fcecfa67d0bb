/* Runs functions of firmware_templates/app on the host: one command a line of stdin, one answer a
 * line.
 *
 *     windows SAMPLES WINDOW HOP        the starts
 *     select CAPACITY COUNT V... T...   label:probability of each detection; T: thresholds
 *     fixed DECIMALS VALUE
 *     quoted HEX
 */
#include "birdnet_recording.h"
#include "console.h"
#include "detections.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void console_write(const char *text, size_t length) {
    fwrite(text, 1, length, stdout);
}

static uint32_t next_u32(void) {
    return (uint32_t)strtoul(strtok(NULL, " "), NULL, 10);
}

/* Exactly as long as its content, so that the sanitizer sees a read behind it. */
typedef struct {
    uint8_t *bytes;
    uint32_t size;
} memory_t;

static memory_t next_hex(void) {
    const char *hex = strtok(NULL, " ");
    const size_t size = hex == NULL ? 0u : strlen(hex) / 2u;
    memory_t memory = {.bytes = malloc(size + (size == 0u)), .size = (uint32_t)size};
    for (size_t i = 0; i < size; ++i) {
        const char digits[] = {hex[2u * i], hex[2u * i + 1u], '\0'};
        memory.bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return memory;
}

static void windows(void) {
    const uint32_t samples = next_u32();
    const uint32_t window = next_u32();
    const uint32_t hop = next_u32();
    const uint32_t count = birdnet_window_count(samples, window, hop);
    for (uint32_t i = 0; i < count; ++i) {
        printf("%" PRIu32 " ", birdnet_window_start(i, samples, window, hop));
    }
}

static void select_classes(void) {
    const uint32_t capacity = next_u32();
    const uint32_t count = next_u32();
    float *scores = malloc(count * sizeof *scores);
    float *thresholds = malloc(count * sizeof *thresholds);
    float *pooled = calloc(count, sizeof *pooled);
    detection_t *detections = malloc(capacity * sizeof *detections);
    for (uint32_t i = 0; i < count; ++i) {
        scores[i] = strtof(strtok(NULL, " "), NULL);
    }
    for (uint32_t i = 0; i < count; ++i) {
        thresholds[i] = strtof(strtok(NULL, " "), NULL);
    }
    detections_pool(pooled, scores, count);
    const uint32_t found = detections_select(pooled, count, thresholds, detections, capacity);
    for (uint32_t i = 0; i < found; ++i) {
        printf("%" PRIu32 ":%.9g ", detections[i].label, (double)detections[i].probability);
    }
    free(scores);
    free(thresholds);
    free(pooled);
    free(detections);
}

static void quoted(void) {
    memory_t memory = next_hex();
    char *text = calloc(memory.size + 1u, 1u);
    memcpy(text, memory.bytes, memory.size);
    console_quoted(text);
    free(text);
    free(memory.bytes);
}

int main(void) {
    static char line[1u << 20];
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        const char *command = strtok(line, " ");
        if (strcmp(command, "windows") == 0) {
            windows();
        } else if (strcmp(command, "select") == 0) {
            select_classes();
        } else if (strcmp(command, "fixed") == 0) {
            const uint32_t decimals = next_u32();
            console_fixed(strtof(strtok(NULL, " "), NULL), decimals);
        } else if (strcmp(command, "quoted") == 0) {
            quoted();
        }
        puts("");
    }
    return 0;
}
