/* Finds where the samples end. A recorder writes its header first, and the lengths into it when it
 * stops. If it loses power, the lengths stay 0, or those of an empty recording, or "unknown". The
 * samples are in the file nevertheless. */
#include "birdnet_wav.h"
#include "birdnet_wav_parts.h"

#include <string.h>

/* Programs that write to a pipe put this or a greater length. */
#define UNKNOWN_LENGTH 0x7FFFF000u
/* Chunks after samples without a length are looked for this far from the end. */
#define TAIL_BYTES 65536u
/* More reads are not spent on this search; a file that needs them was made to keep it busy. */
#define TAIL_READS 4096u
#define WORD_BYTES 11u /* of the longest word that begins a tag */

/* Four letters as birdnet_wav_u32() reads them: the search compares them at every byte. */
#define ID(a, b, c, d)                                                                             \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

/* Chunks that recorders and editors write after the samples. */
static const uint32_t known_chunks[] = {
    ID('L', 'I', 'S', 'T'), ID('g', 'u', 'a', 'n'), ID('w', 'a', 'm', 'd'), ID('b', 'e', 'x', 't'),
    ID('i', 'X', 'M', 'L'), ID('i', 'd', '3', ' '), ID('I', 'D', '3', ' '), ID('f', 'a', 'c', 't'),
    ID('c', 'u', 'e', ' '), ID('s', 'm', 'p', 'l'), ID('J', 'U', 'N', 'K'), ID('j', 'u', 'n', 'k'),
    ID('P', 'A', 'D', ' '), ID('F', 'L', 'L', 'R'), ID('a', 'x', 'm', 'l'), ID('_', 'P', 'M', 'X'),
    ID('a', 'f', 's', 'p'), ID('D', 'I', 'S', 'P'), ID('i', 'n', 's', 't'), ID('a', 'c', 'i', 'd'),
    ID('s', 't', 'r', 'c'), ID('c', 'a', 'r', 't'), ID('u', 'm', 'i', 'd'), ID('c', 'h', 'n', 'a'),
    ID('l', 'e', 'v', 'l'), ID('m', 'i', 'n', 'f'), ID('e', 'l', 'm', '1'), ID('r', 'e', 'g', 'n'),
    ID('l', 'i', 'n', 'k'), ID('P', 'E', 'A', 'K'), ID('p', 'l', 's', 't'), ID('n', 'o', 't', 'e'),
    ID('l', 'a', 'b', 'l'), ID('m', 'a', 'r', 'k'),
};
static const uint32_t forms[] = {
    ID('R', 'I', 'F', 'F'),
    ID('R', 'I', 'F', 'X'),
    ID('R', 'F', '6', '4'),
    ID('B', 'W', '6', '4'),
};
static const char tags[][WORD_BYTES + 1u] = {"TAG", "ID3", "APETAGEX", "LYRICSBEGIN"};

typedef enum { CHAIN_NONE, CHAIN_ENDS, CHAIN_HAS_SAMPLES, CHAIN_HAS_FILE, CHAIN_EMPTY } chain_t;

/* Reads of a file, so many that nobody waits for their end. */
typedef struct {
    const birdnet_wav_source_t *source;
    uint32_t reads_left;
    bool failed;
} search_t;

/* Whether all four have neither bit 7 nor zeros in bits 5 and 6, as letters, digits and spaces do.
 */
static bool may_be_letters(uint32_t id) {
    return (id & 0x80808080u) == 0u && ((id | id >> 1) & 0x20202020u) == 0x20202020u;
}

static bool is_one_of(const uint8_t *id, const uint32_t *ids, size_t count) {
    const uint32_t wanted = birdnet_wav_u32(id);
    if (!may_be_letters(wanted)) {
        return false;
    }
    for (size_t i = 0; i < count; ++i) {
        if (ids[i] == wanted) {
            return true;
        }
    }
    return false;
}

static bool is_known(const uint8_t *id) {
    return is_one_of(id, known_chunks, sizeof known_chunks / sizeof known_chunks[0]);
}

static bool is_form(const uint8_t *id) {
    return is_one_of(id, forms, sizeof forms / sizeof forms[0]);
}

static bool is_tag(const uint8_t *begin, size_t bytes) {
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; ++i) {
        const size_t length = strlen(tags[i]);
        if (length <= bytes && memcmp(begin, tags[i], length) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_printable(const uint8_t *id) {
    for (uint32_t i = 0; i < 4u; ++i) {
        if (id[i] < 0x20u || id[i] >= 0x7Fu) {
            return false;
        }
    }
    return true;
}

static bool may_read(search_t *search) {
    if (search->reads_left == 0u) {
        return false;
    }
    --search->reads_left;
    return true;
}

/* Whether there are only zeros from a position to the end of the file. */
static bool only_zeros(search_t *search, uint64_t offset) {
    uint8_t block[BIRDNET_WAV_BLOCK_BYTES];
    while (offset < search->source->size_bytes) {
        const uint64_t left = search->source->size_bytes - offset;
        const size_t bytes = left < sizeof block ? (size_t)left : sizeof block;
        if (!may_read(search)) {
            return false;
        }
        if (!birdnet_wav_read_at(search->source, offset, block, bytes)) {
            search->failed = true;
            return false;
        }
        for (size_t i = 0; i < bytes; ++i) {
            if (block[i] != 0u) {
                return false;
            }
        }
        offset += bytes;
    }
    return true;
}

/* Follows the chunks from a position. They have to reach the end of the file, or zeros that do. */
static chain_t follow(search_t *search, uint64_t offset) {
    const uint64_t size = search->source->size_bytes;
    chain_t found = CHAIN_NONE;
    birdnet_wav_chunk_t chunk;
    if (offset >= size) {
        return CHAIN_EMPTY;
    }
    for (uint32_t i = 0; i < BIRDNET_WAV_MOST_CHUNKS; ++i) {
        if (!may_read(search)) {
            return CHAIN_NONE;
        }
        if (!birdnet_wav_read_chunk(search->source, offset, &chunk, &search->failed)) {
            return search->failed ? CHAIN_NONE : found;
        }
        if (!is_printable(chunk.id)) {
            return found != CHAIN_NONE && only_zeros(search, offset) ? found : CHAIN_NONE;
        }
        if (chunk.bytes > size - chunk.offset) {
            return CHAIN_NONE;
        }
        if (memcmp(chunk.id, "data", 4) == 0) {
            found = CHAIN_HAS_SAMPLES;
        } else if (found != CHAIN_HAS_SAMPLES && is_form(chunk.id)) {
            found = CHAIN_HAS_FILE;
        } else if (found == CHAIN_NONE) {
            found = CHAIN_ENDS;
        }
        offset = birdnet_wav_after(&chunk);
        if (offset >= size) {
            return found;
        }
    }
    return found;
}

static bool begins_tail(search_t *search, uint64_t offset) {
    const chain_t chain = follow(search, offset);
    return chain != CHAIN_NONE && chain != CHAIN_EMPTY;
}

/* Where chunks begin that reach the end of the file; or the end of the file. */
static uint64_t first_of_tail(search_t *search, uint64_t first) {
    uint8_t block[BIRDNET_WAV_BLOCK_BYTES + 3u]; /* an identifier may begin in its last byte */
    const uint64_t size = search->source->size_bytes;
    uint64_t offset = size > TAIL_BYTES && size - TAIL_BYTES > first ? size - TAIL_BYTES : first;
    search->reads_left = TAIL_READS;
    while (offset < size) {
        const uint64_t left = size - offset;
        const size_t bytes = left < sizeof block ? (size_t)left : sizeof block;
        if (!may_read(search)) {
            return size;
        }
        if (!birdnet_wav_read_at(search->source, offset, block, bytes)) {
            search->failed = true;
            return size;
        }
        for (size_t i = 0; i + 4u <= bytes; ++i) {
            if (is_known(block + i) && begins_tail(search, offset + i)) {
                return offset + i;
            }
        }
        offset += bytes < sizeof block ? bytes : BIRDNET_WAV_BLOCK_BYTES;
    }
    return size;
}

static birdnet_wav_status_t judge(birdnet_wav_t *wav, chain_t chain) {
    if (chain == CHAIN_HAS_SAMPLES) {
        wav->detail = "it has two chunks of samples";
        return BIRDNET_WAV_ERROR_HEADER;
    }
    if (chain == CHAIN_HAS_FILE) {
        wav->notes |= BIRDNET_WAV_FILE_AFTER;
    }
    return BIRDNET_WAV_OK;
}

/* Whether the bytes from `last` on can stand after samples that end there. */
static bool can_follow(birdnet_wav_t *wav, search_t *search, uint64_t first, uint64_t last,
                       birdnet_wav_status_t *status) {
    uint8_t begin[WORD_BYTES] = {0};
    const uint64_t left = wav->source.size_bytes - last;
    const size_t bytes = left < sizeof begin ? (size_t)left : sizeof begin;
    /* Some programs leave out the byte of padding. */
    const uint64_t begins[] = {last + last % 2u, last};
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; ++i) {
        search->reads_left = UINT32_MAX;
        const chain_t chain = follow(search, begins[i]);
        if (chain != CHAIN_NONE) {
            *status = judge(wav, chain);
            return true;
        }
    }
    if (!birdnet_wav_read_at(&wav->source, last, begin, bytes)) {
        search->failed = true;
        return false;
    }
    if (is_tag(begin, bytes) || (bytes >= 4u && is_known(begin)) ||
        (bytes >= 5u && is_known(begin + 1))) {
        return true;
    }
    if (!only_zeros(search, last) || first_of_tail(search, first) < last) {
        return false; /* or the zeros are those of a chunk that begins before the end */
    }
    wav->notes |= BIRDNET_WAV_ZEROS_AFTER;
    return true;
}

/* Notes why the samples end where the header does not say. */
static void note_repair(birdnet_wav_t *wav, const birdnet_wav_chunk_t *data, uint64_t last) {
    const uint32_t frame_bytes = birdnet_wav_frame_bytes(wav);
    const bool is_too_long = data->bytes > wav->source.size_bytes - data->offset;
    if (is_too_long && data->bytes < UNKNOWN_LENGTH) {
        if (data->bytes / frame_bytes != (last - data->offset) / frame_bytes) {
            wav->notes |= BIRDNET_WAV_CUT_OFF;
        }
    } else if (is_too_long || data->bytes <= data->offset) {
        wav->notes |= BIRDNET_WAV_LENGTH_MISSING;
    } else {
        wav->notes |= BIRDNET_WAV_LENGTH_WRONG;
    }
}

birdnet_wav_status_t birdnet_wav_find_end(birdnet_wav_t *wav, const birdnet_wav_chunk_t *data) {
    const uint64_t size = wav->source.size_bytes;
    const uint32_t frame_bytes = birdnet_wav_frame_bytes(wav);
    const uint64_t most_after = frame_bytes > 2u ? frame_bytes : 2u;
    birdnet_wav_status_t status = BIRDNET_WAV_OK;
    search_t search = {.source = &wav->source, .reads_left = UINT32_MAX};
    uint64_t last = birdnet_wav_sum(data->offset, data->bytes);
    const bool is_true = last <= size && (size - last < most_after ||
                                          can_follow(wav, &search, data->offset, last, &status));
    if (!is_true && !search.failed) {
        last = first_of_tail(&search, data->offset);
        note_repair(wav, data, last);
    }
    if (search.failed) {
        return BIRDNET_WAV_ERROR_READ;
    }
    wav->samples = (last - data->offset) / frame_bytes;
    return status;
}
