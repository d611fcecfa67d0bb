/* Finds out whether an AudioMoth left out silent parts. Such a part is a block of 512 bytes, which
 * begins at a multiple of 512 bytes in the file. Its first 32 samples are the bits of the number of
 * blocks that were left out, the lowest first: 1 for a bit that is set, -1 for one that is not. Its
 * other samples are 0. A reader that takes such a block for sound hears a click, and all that
 * follows comes too early. */
#include "birdnet_wav.h"
#include "birdnet_wav_parts.h"

#include <string.h>

#define GAP_BYTES 512u
#define GAP_BITS 32u
#define COMMENT_OFFSET 12u
#define COMMENT_BYTES 65536u /* the comment is looked for in so many bytes before the samples */
#define WORDS_BYTES 16u      /* of the longest words */

static const char *const words[] = {"AudioMoth", "threshold was"};

static bool contains(const uint8_t *text, size_t length, const char *wanted) {
    const size_t needed = strlen(wanted);
    for (size_t i = 0; i + needed <= length; ++i) {
        if (text[i] == (uint8_t)wanted[0] && memcmp(text + i, wanted, needed) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether the chunks before the samples say that an AudioMoth recorded above a threshold only. */
static birdnet_wav_status_t read_comment(const birdnet_wav_t *wav, bool *is_triggered) {
    uint8_t text[WORDS_BYTES + BIRDNET_WAV_BLOCK_BYTES] = {
        0}; /* with the end of the block before */
    const uint64_t last = wav->data_offset < COMMENT_OFFSET + COMMENT_BYTES
                              ? wav->data_offset
                              : COMMENT_OFFSET + COMMENT_BYTES;
    bool found[2] = {false, false};
    for (uint64_t at = COMMENT_OFFSET; at < last; at += BIRDNET_WAV_BLOCK_BYTES) {
        const size_t bytes =
            last - at < BIRDNET_WAV_BLOCK_BYTES ? (size_t)(last - at) : BIRDNET_WAV_BLOCK_BYTES;
        if (!birdnet_wav_read_at(&wav->source, at, text + WORDS_BYTES, bytes)) {
            return BIRDNET_WAV_ERROR_READ;
        }
        for (size_t i = 0; i < 2u; ++i) {
            found[i] = found[i] || contains(text, WORDS_BYTES + bytes, words[i]);
        }
        memmove(text, text + BIRDNET_WAV_BLOCK_BYTES, WORDS_BYTES);
    }
    *is_triggered = found[0] && found[1];
    return BIRDNET_WAV_OK;
}

static bool is_gap(const uint8_t *block) {
    uint32_t blocks = 0;
    for (uint32_t i = 0; i < GAP_BYTES / 2u; ++i) {
        const uint32_t value = birdnet_wav_u16(block + 2u * i);
        if (i < GAP_BITS ? value != 1u && value != 0xFFFFu : value != 0u) {
            return false;
        }
        blocks |= i < GAP_BITS && value == 1u ? (uint32_t)1 << i : 0u;
    }
    return blocks > 0u && blocks <= INT32_MAX; /* no other number stands for silence */
}

birdnet_wav_status_t birdnet_wav_find_gaps(const birdnet_wav_t *wav) {
    uint8_t block[GAP_BYTES];
    bool is_triggered = false;
    const birdnet_wav_status_t status = read_comment(wav, &is_triggered);
    if (status != BIRDNET_WAV_OK || !is_triggered) {
        return status;
    }
    const uint64_t end = wav->data_offset + wav->samples * birdnet_wav_frame_bytes(wav);
    const uint64_t behind = wav->data_offset + GAP_BYTES - 1u;
    for (uint64_t at = behind - behind % GAP_BYTES; at + sizeof block <= end; at += sizeof block) {
        if (!birdnet_wav_read_at(&wav->source, at, block, sizeof block)) {
            return BIRDNET_WAV_ERROR_READ;
        }
        if (is_gap(block)) {
            return BIRDNET_WAV_ERROR_GAPS;
        }
    }
    return BIRDNET_WAV_OK;
}
