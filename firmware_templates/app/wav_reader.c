#include "wav_reader.h"

#include <string.h>

#define RIFF_HEADER_BYTES 12u
#define CHUNK_HEADER_BYTES 8u
#define FORMAT_BYTES 16u
#define FORMAT_PCM 1u
#define SAMPLE_BYTES 2u

typedef struct {
    uint32_t offset; /* position of its content */
    uint32_t bytes;
    uint8_t id[4];
} chunk_t;

static uint32_t load_u16(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
}

static uint32_t load_u32(const uint8_t *bytes) {
    return load_u16(bytes) | load_u16(bytes + 2) << 16;
}

static bool read_at(const wav_source_t *source, uint32_t offset, void *buffer, size_t bytes) {
    return source->seek(source->context, offset) &&
           source->read(source->context, buffer, bytes) == bytes;
}

static bool is_id(const uint8_t *bytes, const char *id) {
    return memcmp(bytes, id, 4) == 0;
}

static wav_status_t read_chunk(const wav_source_t *source, uint32_t offset, chunk_t *chunk) {
    uint8_t header[CHUNK_HEADER_BYTES];
    if (offset > source->size_bytes || source->size_bytes - offset < CHUNK_HEADER_BYTES) {
        return WAV_ERROR_HEADER;
    }
    if (!read_at(source, offset, header, sizeof header)) {
        return WAV_ERROR_READ;
    }
    memcpy(chunk->id, header, sizeof chunk->id);
    chunk->bytes = load_u32(header + 4);
    chunk->offset = offset + CHUNK_HEADER_BYTES;
    return WAV_OK;
}

static wav_status_t check_format(wav_reader_t *reader, const chunk_t *chunk) {
    const wav_source_t *source = &reader->source;
    uint8_t format[FORMAT_BYTES];
    if (chunk->bytes < FORMAT_BYTES) {
        return WAV_ERROR_HEADER;
    }
    if (!read_at(source, chunk->offset, format, sizeof format)) {
        return WAV_ERROR_READ;
    }
    if (load_u16(format) != FORMAT_PCM || load_u16(format + 14) != 8u * SAMPLE_BYTES) {
        return WAV_ERROR_ENCODING;
    }
    if (load_u16(format + 2) != 1u) {
        return WAV_ERROR_CHANNELS;
    }
    reader->file_rate_hz = load_u32(format + 4);
    if (reader->file_rate_hz != reader->sample_rate_hz) {
        return WAV_ERROR_RATE;
    }
    return load_u16(format + 12) == SAMPLE_BYTES ? WAV_OK : WAV_ERROR_ENCODING;
}

static wav_status_t take_data(wav_reader_t *reader, const chunk_t *chunk) {
    if (chunk->bytes > reader->source.size_bytes - chunk->offset) {
        return WAV_ERROR_TRUNCATED;
    }
    if (chunk->bytes % SAMPLE_BYTES != 0u) {
        return WAV_ERROR_HEADER;
    }
    reader->data_offset = chunk->offset;
    reader->samples = chunk->bytes / SAMPLE_BYTES;
    return reader->samples > 0u ? WAV_OK : WAV_ERROR_EMPTY;
}

wav_status_t wav_open(wav_reader_t *reader, wav_source_t source, uint32_t sample_rate_hz) {
    uint8_t riff[RIFF_HEADER_BYTES];
    uint32_t offset = RIFF_HEADER_BYTES;
    bool has_format = false;

    reader->source = source;
    reader->data_offset = 0u;
    reader->samples = 0u;
    reader->sample_rate_hz = sample_rate_hz;
    reader->file_rate_hz = 0u;
    if (source.size_bytes < RIFF_HEADER_BYTES) {
        return WAV_ERROR_NOT_WAVE;
    }
    if (!read_at(&source, 0u, riff, sizeof riff)) {
        return WAV_ERROR_READ;
    }
    if (!is_id(riff, "RIFF") || !is_id(riff + 8, "WAVE")) {
        return WAV_ERROR_NOT_WAVE;
    }
    for (;;) {
        chunk_t chunk;
        wav_status_t status = read_chunk(&source, offset, &chunk);
        if (status != WAV_OK) {
            return status;
        }
        if (is_id(chunk.id, "data")) {
            return has_format ? take_data(reader, &chunk) : WAV_ERROR_HEADER;
        }
        if (chunk.bytes > source.size_bytes - chunk.offset) {
            return WAV_ERROR_HEADER;
        }
        if (is_id(chunk.id, "fmt ")) {
            status = has_format ? WAV_ERROR_HEADER : check_format(reader, &chunk);
            if (status != WAV_OK) {
                return status;
            }
            has_format = true;
        }
        /* Chunks start at even offsets. The sum stays below 2^32, since both are within the file;
         * only the padding byte may lie behind it, which the next read_chunk() notices. */
        offset = chunk.offset + chunk.bytes;
        if (offset % 2u != 0u && offset < source.size_bytes) {
            ++offset;
        }
    }
}

wav_status_t wav_read(const wav_reader_t *reader, uint32_t first, int16_t *pcm, uint32_t samples) {
    const uint32_t left = first < reader->samples ? reader->samples - first : 0u;
    const uint32_t present = samples < left ? samples : left;

    memset(pcm + present, 0, (size_t)(samples - present) * sizeof *pcm);
    if (present > 0u && !read_at(&reader->source, reader->data_offset + first * SAMPLE_BYTES, pcm,
                                 (size_t)present * SAMPLE_BYTES)) {
        return WAV_ERROR_READ;
    }
    for (uint32_t i = 0; i < present; ++i) {
        const uint8_t *bytes = (const uint8_t *)&pcm[i];
        pcm[i] = (int16_t)(uint16_t)load_u16(bytes);
    }
    return WAV_OK;
}

static char *put_text(char *end, const char *text) {
    const size_t length = strlen(text);
    memcpy(end, text, length + 1u);
    return end + length;
}

static char *put_unsigned(char *end, uint32_t value) {
    char digits[11];
    char *first = digits + sizeof digits - 1u;
    *first = '\0';
    do {
        *--first = (char)('0' + value % 10u);
        value /= 10u;
    } while (value > 0u);
    return put_text(end, first);
}

const char *wav_refusal(wav_reader_t *reader, wav_status_t status) {
    if (status != WAV_ERROR_RATE) {
        return wav_status_text(status);
    }
    char *end = put_text(reader->refusal, "its rate is ");
    end = put_unsigned(end, reader->file_rate_hz);
    end = put_text(end, " Hz, the model's ");
    end = put_unsigned(end, reader->sample_rate_hz);
    (void)put_text(end, " Hz");
    return reader->refusal;
}

const char *wav_status_text(wav_status_t status) {
    switch (status) {
    case WAV_OK:
        return "readable";
    case WAV_ERROR_READ:
        return "cannot be read";
    case WAV_ERROR_NOT_WAVE:
        return "no RIFF/WAVE header";
    case WAV_ERROR_HEADER:
        return "damaged header";
    case WAV_ERROR_ENCODING:
        return "not PCM with 16 bits";
    case WAV_ERROR_CHANNELS:
        return "not mono";
    case WAV_ERROR_RATE:
        return "another sample rate than asked for";
    case WAV_ERROR_EMPTY:
        return "no samples";
    case WAV_ERROR_TRUNCATED:
        return "cut short";
    }
    return "unknown status";
}
