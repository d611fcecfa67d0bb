/* Converts sample rates with birdnet_resample on the host. Arguments: RATE BLOCK CAPACITY FIRST IN
 * OUT.
 *
 * Reads int16 from IN, gives them to the converter in blocks, and writes all output samples from
 * FIRST on. BLOCK 0: IN is a WAV file, which is read as one of the output rate, CAPACITY at once.
 */
#include "birdnet_resample_filters.h"
#include "birdnet_resampled_wav.h"

#include <stdio.h>
#include <stdlib.h>

static birdnet_resampler_t resampler;

static size_t file_read(void *context, void *buffer, size_t bytes) {
    return fread(buffer, 1, bytes, context);
}

static bool file_seek(void *context, uint64_t offset) {
    return fseek(context, (long)offset, SEEK_SET) == 0;
}

static long size_of(FILE *file) {
    fseek(file, 0, SEEK_END);
    const long size = ftell(file);
    rewind(file);
    return size;
}

static int from_wav(const birdnet_resample_filter_t *filter, FILE *from, FILE *to, uint32_t step,
                    uint64_t first) {
    birdnet_wav_t wav;
    const birdnet_wav_source_t source = {file_read, file_seek, from, (uint64_t)size_of(from)};
    if (birdnet_wav_open(&wav, source, BIRDNET_WAV_ANY_RATE, BIRDNET_WAV_MIX) != BIRDNET_WAV_OK) {
        return 4;
    }
    int16_t *pcm = malloc(step * sizeof *pcm);
    const uint64_t length = birdnet_resample_samples(filter, wav.samples);
    for (; first < length; first += step) {
        if (birdnet_resampled_wav_read(&wav, filter, &resampler, first, pcm, step) !=
            BIRDNET_WAV_OK) {
            return 5;
        }
        fwrite(pcm, sizeof *pcm, length - first < step ? length - first : step, to);
    }
    free(pcm);
    return 0;
}

int main(int count, char **arguments) {
    if (count != 7) {
        return 1;
    }
    const birdnet_resample_filter_t *filter =
        birdnet_resample_find(birdnet_resample_filters, BIRDNET_RESAMPLE_FILTERS,
                              (uint32_t)strtoul(arguments[1], NULL, 10));
    const uint32_t block = (uint32_t)strtoul(arguments[2], NULL, 10);
    const uint32_t capacity = (uint32_t)strtoul(arguments[3], NULL, 10);
    const uint64_t first = strtoull(arguments[4], NULL, 10);
    FILE *from = fopen(arguments[5], "rb");
    FILE *to = fopen(arguments[6], "wb");
    if (filter == NULL || from == NULL || to == NULL) {
        return 2;
    }
    if (block == 0u) {
        return from_wav(filter, from, to, capacity, first) | fclose(to);
    }
    const uint64_t inputs = (uint64_t)size_of(from) / sizeof(int16_t);
    const uint64_t outputs = birdnet_resample_samples(filter, inputs);
    int16_t *input = malloc(block * sizeof *input);
    int16_t *output = malloc(capacity * sizeof *output);
    uint64_t at = birdnet_resample_begin(&resampler, filter, first);
    for (uint64_t written = first; written < outputs;) {
        fseek(from, (long)(at * sizeof *input), SEEK_SET);
        const uint32_t present = (uint32_t)fread(input, sizeof *input, block, from);
        const uint64_t left = outputs - written;
        uint32_t used;
        const uint32_t found = birdnet_resample_run(&resampler, present == 0u ? NULL : input,
                                                    present == 0u ? block : present, &used, output,
                                                    left < capacity ? (uint32_t)left : capacity);
        if (found == 0u && used == 0u) {
            return 3; /* it neither takes nor gives: it would never end */
        }
        fwrite(output, sizeof *output, found, to);
        at += used;
        written += found;
    }
    free(input);
    free(output);
    return fclose(to);
}
