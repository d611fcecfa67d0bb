/* Reads WAV with 16-bit PCM, mono, at one sample rate, from any source that can read and seek.
 *
 * Nothing in the header is trusted: every size is compared with the length of the file. */
#ifndef WAV_READER_H
#define WAV_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    WAV_OK = 0,
    WAV_ERROR_READ = 1,     /* the source returned fewer bytes than it promised */
    WAV_ERROR_NOT_WAVE = 2, /* there is no RIFF/WAVE header */
    WAV_ERROR_HEADER = 3, /* a chunk ends after the file, or fmt is missing, too short or double */
    WAV_ERROR_ENCODING = 4,  /* the samples are not 16-bit PCM */
    WAV_ERROR_CHANNELS = 5,  /* the audio is not mono */
    WAV_ERROR_RATE = 6,      /* the sample rate is another one */
    WAV_ERROR_EMPTY = 7,     /* there are no samples */
    WAV_ERROR_TRUNCATED = 8, /* the samples end after the file */
} wav_status_t;

#define WAV_REFUSAL_BYTES 64u

/* A file, or another source of bytes. */
typedef struct {
    /* Reads from the current position. Returns the number of bytes read, which is smaller than
     * `bytes` after an error. */
    size_t (*read)(void *context, void *buffer, size_t bytes);
    /* Moves to `offset`, counted from the start. */
    bool (*seek)(void *context, uint32_t offset);
    void *context;
    uint32_t size_bytes;
} wav_source_t;

typedef struct {
    wav_source_t source;
    uint32_t data_offset; /* position of the first sample, in bytes from the start */
    uint32_t samples;
    uint32_t sample_rate_hz;         /* the rate that the caller wants */
    uint32_t file_rate_hz;           /* the rate of the file; 0 until the header was read */
    char refusal[WAV_REFUSAL_BYTES]; /* see wav_refusal() */
} wav_reader_t;

/* Parses the header. Do not use the reader if the status is not WAV_OK. */
wav_status_t wav_open(wav_reader_t *reader, wav_source_t source, uint32_t sample_rate_hz);

/* Reads `samples` samples, beginning with number `first`. Samples after the end are zero. */
wav_status_t wav_read(const wav_reader_t *reader, uint32_t first, int16_t *pcm, uint32_t samples);

/* Returns a text for people that says why wav_open() returned this status, with the numbers. The
 * text is valid as long as the reader. */
const char *wav_refusal(wav_reader_t *reader, wav_status_t status);

/* Returns a text for people that says what a status means. */
const char *wav_status_text(wav_status_t status);

#endif
