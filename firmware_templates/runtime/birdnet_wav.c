#include "birdnet_wav.h"

#include "birdnet_wav_parts.h"

#include <string.h>

#define RIFF_HEADER_BYTES 12u
#define FORMAT_BYTES 16u
#define EXTENSIBLE_BYTES 40u
#define LENGTHS_BYTES 16u

#define TAG_PCM 1u
#define TAG_FLOAT 3u
#define TAG_EXTENSIBLE 0xFFFEu

#define LOWEST_RATE_HZ 1000u
#define HIGHEST_RATE_HZ 1000000u

/* Behind the tag of a WAVE_FORMAT_EXTENSIBLE file: the rest of the GUID of PCM and of floats. */
static const uint8_t guid_rest[14] = {0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x80,
                                      0x00, 0x00, 0xAA, 0x00, 0x38, 0x9B, 0x71};

typedef struct {
    birdnet_wav_chunk_t data;
    uint64_t data_bytes; /* of RF64, from the chunk ds64 */
    bool is_rf64;
    bool has_lengths;
    bool has_format;
} header_t;

static bool is_id(const uint8_t *bytes, const char *id) {
    return memcmp(bytes, id, 4) == 0;
}

static birdnet_wav_status_t damaged(birdnet_wav_t *wav, const char *detail) {
    wav->detail = detail;
    return BIRDNET_WAV_ERROR_HEADER;
}

bool birdnet_wav_read_chunk(const birdnet_wav_source_t *source, uint64_t offset,
                            birdnet_wav_chunk_t *chunk, bool *failed) {
    uint8_t header[BIRDNET_WAV_CHUNK_HEADER_BYTES];
    if (offset > source->size_bytes || source->size_bytes - offset < sizeof header) {
        return false;
    }
    if (!birdnet_wav_read_at(source, offset, header, sizeof header)) {
        *failed = true;
        return false;
    }
    memcpy(chunk->id, header, sizeof chunk->id);
    chunk->bytes = birdnet_wav_u32(header + 4);
    chunk->offset = offset + sizeof header;
    return true;
}

static bool known_encoding(birdnet_wav_t *wav) {
    static const struct {
        uint16_t tag;
        uint16_t bits;
        birdnet_wav_encoding_t encoding;
    } known[] = {
        {TAG_PCM, 8u, BIRDNET_WAV_PCM_8},       {TAG_PCM, 16u, BIRDNET_WAV_PCM_16},
        {TAG_PCM, 24u, BIRDNET_WAV_PCM_24},     {TAG_PCM, 32u, BIRDNET_WAV_PCM_32},
        {TAG_FLOAT, 32u, BIRDNET_WAV_FLOAT_32}, {TAG_FLOAT, 64u, BIRDNET_WAV_FLOAT_64},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; ++i) {
        if (wav->format_tag == known[i].tag && wav->bits == known[i].bits) {
            wav->encoding = known[i].encoding;
            return true;
        }
    }
    return false;
}

static birdnet_wav_status_t check_format(birdnet_wav_t *wav, uint32_t frame_bytes) {
    if (wav->channels == 0u || wav->channels > BIRDNET_WAV_MOST_CHANNELS ||
        wav->channel > wav->channels) {
        return BIRDNET_WAV_ERROR_CHANNELS;
    }
    if (wav->wanted_rate_hz != BIRDNET_WAV_ANY_RATE
            ? wav->sample_rate_hz != wav->wanted_rate_hz
            : wav->sample_rate_hz < LOWEST_RATE_HZ || wav->sample_rate_hz > HIGHEST_RATE_HZ) {
        return BIRDNET_WAV_ERROR_RATE;
    }
    if (!known_encoding(wav)) {
        return BIRDNET_WAV_ERROR_ENCODING;
    }
    return frame_bytes == birdnet_wav_frame_bytes(wav)
               ? BIRDNET_WAV_OK
               : damaged(wav, "channels and bits contradict the size of a sample");
}

static birdnet_wav_status_t read_format(birdnet_wav_t *wav, const birdnet_wav_chunk_t *chunk) {
    uint8_t format[EXTENSIBLE_BYTES] = {0};
    const size_t bytes = chunk->bytes < sizeof format ? FORMAT_BYTES : sizeof format;
    if (chunk->bytes < FORMAT_BYTES) {
        return damaged(wav, "its format is too short");
    }
    if (!birdnet_wav_read_at(&wav->source, chunk->offset, format, bytes)) {
        return BIRDNET_WAV_ERROR_READ;
    }
    wav->format_tag = (uint16_t)birdnet_wav_u16(format);
    wav->channels = (uint16_t)birdnet_wav_u16(format + 2);
    wav->sample_rate_hz = birdnet_wav_u32(format + 4);
    wav->bits = (uint16_t)birdnet_wav_u16(format + 14);
    if (wav->format_tag == TAG_EXTENSIBLE && bytes == sizeof format &&
        memcmp(format + 26, guid_rest, sizeof guid_rest) == 0) {
        wav->format_tag = (uint16_t)birdnet_wav_u16(format + 24);
    }
    return check_format(wav, birdnet_wav_u16(format + 12));
}

static birdnet_wav_status_t read_lengths(const birdnet_wav_t *wav, const birdnet_wav_chunk_t *chunk,
                                         header_t *header) {
    uint8_t lengths[LENGTHS_BYTES]; /* of the file and of the samples */
    if (chunk->bytes < sizeof lengths) {
        return BIRDNET_WAV_OK;
    }
    if (!birdnet_wav_read_at(&wav->source, chunk->offset, lengths, sizeof lengths)) {
        return BIRDNET_WAV_ERROR_READ;
    }
    header->data_bytes = birdnet_wav_u64(lengths + 8);
    header->has_lengths = true;
    return BIRDNET_WAV_OK;
}

static birdnet_wav_status_t take_chunk(birdnet_wav_t *wav, const birdnet_wav_chunk_t *chunk,
                                       header_t *header) {
    if (chunk->bytes > wav->source.size_bytes - chunk->offset) {
        return damaged(wav, "a chunk ends after the file");
    }
    if (is_id(chunk->id, "ds64")) {
        return read_lengths(wav, chunk, header);
    }
    if (!is_id(chunk->id, "fmt ")) {
        return BIRDNET_WAV_OK;
    }
    if (header->has_format) {
        return damaged(wav, "it has two formats");
    }
    header->has_format = true;
    return read_format(wav, chunk);
}

static birdnet_wav_status_t read_header(birdnet_wav_t *wav, header_t *header) {
    uint64_t offset = RIFF_HEADER_BYTES;
    for (uint32_t i = 0; i < BIRDNET_WAV_MOST_CHUNKS; ++i) {
        bool failed = false;
        if (!birdnet_wav_read_chunk(&wav->source, offset, &header->data, &failed)) {
            return failed ? BIRDNET_WAV_ERROR_READ : damaged(wav, "it ends before its samples");
        }
        if (is_id(header->data.id, "data")) {
            return header->has_format ? BIRDNET_WAV_OK
                                      : damaged(wav, "its samples come before their format");
        }
        const birdnet_wav_status_t status = take_chunk(wav, &header->data, header);
        if (status != BIRDNET_WAV_OK) {
            return status;
        }
        offset = birdnet_wav_after(&header->data);
    }
    return damaged(wav, "it has too many chunks");
}

static birdnet_wav_status_t check_form(birdnet_wav_t *wav, header_t *header) {
    uint8_t riff[RIFF_HEADER_BYTES];
    if (wav->source.size_bytes < sizeof riff) {
        return BIRDNET_WAV_ERROR_NOT_WAVE;
    }
    if (!birdnet_wav_read_at(&wav->source, 0u, riff, sizeof riff)) {
        return BIRDNET_WAV_ERROR_READ;
    }
    header->is_rf64 = is_id(riff, "RF64") || is_id(riff, "BW64");
    if (!header->is_rf64 && !is_id(riff, "RIFF")) {
        wav->detail = is_id(riff, "RIFX") ? "its numbers are big-endian (RIFX)" : NULL;
        return BIRDNET_WAV_ERROR_NOT_WAVE;
    }
    return is_id(riff + 8, "WAVE") ? BIRDNET_WAV_OK : BIRDNET_WAV_ERROR_NOT_WAVE;
}

static birdnet_wav_status_t check_samples(birdnet_wav_t *wav, const header_t *header) {
    if (wav->samples == 0u) {
        return BIRDNET_WAV_ERROR_EMPTY;
    }
    return !header->is_rf64 && wav->encoding == BIRDNET_WAV_PCM_16 && wav->channels == 1u
               ? birdnet_wav_find_gaps(wav)
               : birdnet_wav_find_gain(wav);
}

birdnet_wav_status_t birdnet_wav_open(birdnet_wav_t *wav, birdnet_wav_source_t source,
                                      uint32_t sample_rate_hz, uint16_t channel) {
    header_t header = {0};
    memset(wav, 0, sizeof *wav);
    wav->source = source;
    wav->wanted_rate_hz = sample_rate_hz;
    wav->channel = channel;
    wav->gain = 1.0f;

    birdnet_wav_status_t status = check_form(wav, &header);
    if (status == BIRDNET_WAV_OK) {
        status = read_header(wav, &header);
    }
    if (status == BIRDNET_WAV_OK) {
        if (header.is_rf64 && header.has_lengths && header.data.bytes == UINT32_MAX) {
            header.data.bytes = header.data_bytes;
        }
        wav->data_offset = header.data.offset;
        status = birdnet_wav_find_end(wav, &header.data);
    }
    return status == BIRDNET_WAV_OK ? check_samples(wav, &header) : status;
}
