/**
 * @file
 * What the parts of the WAV reader share. Programs include birdnet_wav.h.
 */
#ifndef BIRDNET_WAV_PARTS_H
#define BIRDNET_WAV_PARTS_H

#include "birdnet_wav.h"

/** More chunks are not walked through; a file with so many was made to keep a reader busy. */
#define BIRDNET_WAV_MOST_CHUNKS 10000u
#define BIRDNET_WAV_CHUNK_HEADER_BYTES 8u
/** Bytes that are read at once; on the stack. */
#define BIRDNET_WAV_BLOCK_BYTES 512u

typedef struct {
    uint8_t id[4];
    uint64_t offset; /**< position of its content */
    uint64_t bytes;  /**< of its content, as its header says */
} birdnet_wav_chunk_t;

static inline uint32_t birdnet_wav_u16(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
}

static inline uint32_t birdnet_wav_u32(const uint8_t *bytes) {
    return birdnet_wav_u16(bytes) | birdnet_wav_u16(bytes + 2) << 16;
}

static inline uint64_t birdnet_wav_u64(const uint8_t *bytes) {
    return (uint64_t)birdnet_wav_u32(bytes) | (uint64_t)birdnet_wav_u32(bytes + 4) << 32;
}

static inline uint64_t birdnet_wav_sum(uint64_t a, uint64_t b) {
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static inline bool birdnet_wav_read_at(const birdnet_wav_source_t *source, uint64_t offset,
                                       void *buffer, size_t bytes) {
    return source->seek(source->context, offset) &&
           source->read(source->context, buffer, bytes) == bytes;
}

/** The position after a chunk and its padding, which may lie after the end of the file. */
static inline uint64_t birdnet_wav_after(const birdnet_wav_chunk_t *chunk) {
    return birdnet_wav_sum(chunk->offset, birdnet_wav_sum(chunk->bytes, chunk->bytes % 2u));
}

/** Bytes of one sample of one channel. */
static inline uint32_t birdnet_wav_sample_bytes(const birdnet_wav_t *wav) {
    return wav->bits / 8u;
}

/** Bytes of one sample of all channels. */
static inline uint32_t birdnet_wav_frame_bytes(const birdnet_wav_t *wav) {
    return wav->channels * birdnet_wav_sample_bytes(wav);
}

/**
 * Reads the header of the chunk at `offset`.
 *
 * @return false if the file ends before, or cannot be read there, which sets `failed`
 */
bool birdnet_wav_read_chunk(const birdnet_wav_source_t *source, uint64_t offset,
                            birdnet_wav_chunk_t *chunk, bool *failed);

/**
 * Finds where the samples end, and sets `samples` and `notes`.
 *
 * @param data the chunk of the samples
 */
birdnet_wav_status_t birdnet_wav_find_end(birdnet_wav_t *wav, const birdnet_wav_chunk_t *data);

/** Checks every sample of a floating-point file, and sets `gain`. */
birdnet_wav_status_t birdnet_wav_find_gain(birdnet_wav_t *wav);

/** Returns BIRDNET_WAV_ERROR_GAPS if an AudioMoth left out silent parts. */
birdnet_wav_status_t birdnet_wav_find_gaps(const birdnet_wav_t *wav);

#endif
