/* Prints the events of a WAV file as a table: wav_to_table FILE.wav */
#include "birdnet.h"
#include "birdnet_recording.h"
#include "birdnet_rules.h"
#include "birdnet_wav.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static _Alignas(BIRDNET_ARENA_ALIGNMENT) int8_t arena[BIRDNET_ARENA_BYTES];
static double scratch[BIRDNET_FRONTEND_SCRATCH_ELEMENTS];
static int16_t window[BIRDNET_WINDOW_SAMPLES];
static float probabilities[BIRDNET_OUTPUT_ELEMENTS];
static birdnet_t birdnet;

static size_t read_file(void *context, void *buffer, size_t bytes) {
    return fread(buffer, 1, bytes, context);
}

static bool seek_file(void *context, uint64_t offset) {
    return offset <= (uint64_t)LONG_MAX && fseek(context, (long)offset, SEEK_SET) == 0;
}

/* A quotation mark inside a quoted field is written twice. */
static void print_quoted(const char *text) {
    putchar('"');
    for (; *text != '\0'; ++text) {
        if (*text == '"') {
            putchar('"');
        }
        putchar(*text);
    }
    putchar('"');
}

static void print_event(void *context, const birdnet_event_t *event) {
    (void)context;
    printf("%.3f,%.3f,", (double)event->start_samples / BIRDNET_SAMPLE_RATE_HZ,
           (double)event->end_samples / BIRDNET_SAMPLE_RATE_HZ);
    print_quoted(birdnet_class_name(&birdnet, event->label));
    printf(",%.4f\n", (double)birdnet_events_probability(event->score));
}

static int hear_file(FILE *file, const char *name) {
    birdnet_wav_source_t source = {.read = read_file, .seek = seek_file, .context = file};
    if (fseek(file, 0, SEEK_END) != 0 || ftell(file) < 0) {
        fprintf(stderr, "%s: cannot be read\n", name);
        return EXIT_FAILURE;
    }
    source.size_bytes = (uint64_t)ftell(file);
    birdnet_wav_t wav;
    const birdnet_wav_status_t opened =
        birdnet_wav_open(&wav, source, BIRDNET_SAMPLE_RATE_HZ, BIRDNET_WAV_MIX);
    if (opened != BIRDNET_WAV_OK) {
        fprintf(stderr, "%s: %s\n", name, birdnet_wav_refusal(&wav, opened));
        return EXIT_FAILURE;
    }
    if (wav.samples > UINT32_MAX) {
        fprintf(stderr, "%s: longer than 2^32 samples\n", name);
        return EXIT_FAILURE;
    }
    const uint32_t samples = (uint32_t)wav.samples;
    const uint32_t windows =
        birdnet_window_count(samples, BIRDNET_WINDOW_SAMPLES, BIRDNET_WINDOW_HOP_SAMPLES);
    printf("start_s,end_s,species,probability\n");
    for (uint32_t index = 0; index < windows; ++index) {
        const uint32_t start = birdnet_window_start(index, samples, BIRDNET_WINDOW_SAMPLES,
                                                    BIRDNET_WINDOW_HOP_SAMPLES);
        if (birdnet_wav_read(&wav, start, window, BIRDNET_WINDOW_SAMPLES) != BIRDNET_WAV_OK) {
            fprintf(stderr, "%s: cannot be read\n", name);
            return EXIT_FAILURE;
        }
        if (birdnet_hear(&birdnet, window, probabilities) != BIRDNET_OK) {
            fprintf(stderr, "the network failed\n");
            return EXIT_FAILURE;
        }
        birdnet_rules_push(probabilities, start, print_event, NULL);
    }
    birdnet_rules_finish(samples, print_event, NULL);
    return EXIT_SUCCESS;
}

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: %s FILE.wav\n", arguments[0]);
        return EXIT_FAILURE;
    }
    if (birdnet_init(&birdnet, arena, sizeof arena, scratch) != BIRDNET_OK ||
        birdnet_rules_init(&birdnet.network) != BIRDNET_OK) {
        fprintf(stderr, "the network cannot be prepared\n");
        return EXIT_FAILURE;
    }
    FILE *const file = fopen(arguments[1], "rb");
    if (file == NULL) {
        perror(arguments[1]);
        return EXIT_FAILURE;
    }
    const int status = hear_file(file, arguments[1]);
    fclose(file);
    return status;
}
