/* Reads WAV files with birdnet_wav on the host: one file a line of stdin.
 *
 *     RATE CHANNEL READS PATH     READS: of the source, which then fails; 0 for all
 *
 * Answers `STATUS NOTES RATE CHANNELS SAMPLES TEXT` and writes all samples to PATH.pcm. */
#include "birdnet_wav.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No divisor of the length of a block, so that blocks begin anywhere. */
#define STEP 1009u

typedef struct {
    FILE *file;
    uint32_t reads_left;
} input_t;

static size_t input_read(void *context, void *buffer, size_t bytes) {
    input_t *input = context;
    return input->reads_left-- == 0u ? 0u : fread(buffer, 1, bytes, input->file);
}

static bool input_seek(void *context, uint64_t offset) {
    const input_t *input = context;
    return fseek(input->file, (long)offset, SEEK_SET) == 0;
}

static birdnet_wav_status_t copy(const birdnet_wav_t *wav, FILE *to) {
    birdnet_wav_status_t status = BIRDNET_WAV_OK;
    for (uint64_t first = 0; status == BIRDNET_WAV_OK && first < wav->samples; first += STEP) {
        int16_t *pcm =
            malloc(STEP * sizeof *pcm); /* so that the sanitizer sees a write behind it */
        const uint64_t left = wav->samples - first;
        status = birdnet_wav_read(wav, first, pcm, STEP);
        for (uint64_t i = left; status == BIRDNET_WAV_OK && i < STEP; ++i) {
            if (pcm[i] != 0) {
                abort();
            }
        }
        fwrite(pcm, sizeof *pcm, left < STEP ? left : STEP, to);
        free(pcm);
    }
    return status;
}

int main(void) {
    static char line[4096];
    static char target[sizeof line + 8u];
    while (fgets(line, sizeof line, stdin) != NULL) {
        uint32_t rate_hz;
        uint16_t channel;
        uint32_t reads;
        int at;
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "%" SCNu32 " %" SCNu16 " %" SCNu32 " %n", &rate_hz, &channel, &reads,
                   &at) != 3) {
            return 2;
        }
        input_t input = {fopen(line + at, "rb"), reads == 0u ? UINT32_MAX : reads};
        if (input.file == NULL) {
            return 3;
        }
        fseek(input.file, 0, SEEK_END);
        const birdnet_wav_source_t source = {input_read, input_seek, &input,
                                             (uint64_t)ftell(input.file)};
        birdnet_wav_t wav;
        birdnet_wav_status_t status = birdnet_wav_open(&wav, source, rate_hz, channel);
        if (status == BIRDNET_WAV_OK) {
            snprintf(target, sizeof target, "%s.pcm", line + at);
            FILE *to = fopen(target, "wb");
            if (to == NULL) {
                return 4;
            }
            status = copy(&wav, to);
            fclose(to);
        }
        printf("%d %" PRIu32 " %" PRIu32 " %d %" PRIu64 " %s\n", (int)status, wav.notes,
               wav.sample_rate_hz, wav.channels, wav.samples, birdnet_wav_refusal(&wav, status));
        fclose(input.file);
    }
    return 0;
}
