/* Feeds damaged files to birdnet_wav: for libFuzzer, see scripts/fuzz_wav.py.
 *
 * The first byte of an input chooses the channel and the rate; the others are the file. */
#include "birdnet_wav.h"

#include <stdlib.h>
#include <string.h>

#define STEP 97u

typedef struct {
    const uint8_t *bytes;
    size_t size;
    size_t position;
} memory_t;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
    if (!condition) {
        abort();
    }
}

static size_t memory_read(void *context, void *buffer, size_t bytes) {
    memory_t *memory = context;
    require(bytes <= memory->size - memory->position); /* asked for no more than the file has */
    memcpy(buffer, memory->bytes + memory->position, bytes);
    memory->position += bytes;
    return bytes;
}

static bool memory_seek(void *context, uint64_t offset) {
    memory_t *memory = context;
    require(offset <= memory->size);
    memory->position = (size_t)offset;
    return true;
}

static void read_all(const birdnet_wav_t *wav) {
    int16_t pcm[STEP];
    int16_t again[STEP];
    for (uint64_t first = 0; first <= wav->samples; first += STEP) {
        require(birdnet_wav_read(wav, first, pcm, STEP) == BIRDNET_WAV_OK);
        for (uint64_t i = wav->samples - first; i < STEP; ++i) {
            require(pcm[i] == 0);
        }
        /* The samples do not depend on where a read begins. */
        require(birdnet_wav_read(wav, first + STEP / 2u, again, STEP / 2u) == BIRDNET_WAV_OK);
        require(memcmp(again, pcm + STEP / 2u, (STEP / 2u) * sizeof *pcm) == 0);
    }
    require(birdnet_wav_read(wav, UINT64_MAX, pcm, STEP) == BIRDNET_WAV_OK && pcm[0] == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0u) {
        return 0;
    }
    memory_t memory = {data + 1, size - 1u, 0u};
    const birdnet_wav_source_t source = {memory_read, memory_seek, &memory, memory.size};
    birdnet_wav_t wav;
    const uint32_t rate_hz = data[0] < 128u ? BIRDNET_WAV_ANY_RATE : 24000u;
    const birdnet_wav_status_t status =
        birdnet_wav_open(&wav, source, rate_hz, (uint16_t)(data[0] % 10u));
    require(status != BIRDNET_WAV_ERROR_READ);
    const char *text = birdnet_wav_refusal(&wav, status);
    require(strlen(text) > 0u && strlen(text) + 1u < BIRDNET_WAV_REFUSAL_BYTES);
    if (status == BIRDNET_WAV_OK) {
        require(wav.samples > 0u && wav.channels > 0u && wav.gain > 0.0f && wav.gain <= 1.0f);
        require(wav.data_offset + wav.samples * wav.channels * (wav.bits / 8u) <= memory.size);
        read_all(&wav);
    }
    return 0;
}
