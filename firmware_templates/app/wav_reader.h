/* Reads PCM16 mono WAV at one sample rate, from anything that can read and seek.
 *
 * Nothing in the header is trusted: every size is checked against the length of the file. */
#ifndef WAV_READER_H
#define WAV_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    WAV_OK = 0,
    WAV_ERROR_READ = 1,     /* the source could not deliver what it said it has */
    WAV_ERROR_NOT_WAVE = 2, /* no RIFF/WAVE header */
    WAV_ERROR_HEADER = 3,   /* a chunk reaches behind the file, or fmt is missing, short or twice */
    WAV_ERROR_ENCODING = 4, /* not PCM with 16 bits a sample */
    WAV_ERROR_CHANNELS = 5, /* not mono */
    WAV_ERROR_RATE = 6,     /* not the sample rate asked for */
    WAV_ERROR_EMPTY = 7,    /* no samples */
    WAV_ERROR_TRUNCATED = 8, /* the samples reach behind the end of the file */
} wav_status_t;

#define WAV_REFUSAL_BYTES 64u

/* A file, or anything like it. */
typedef struct {
    /* Reads from the current position; returns the bytes read, fewer than asked on an error. */
    size_t (*read)(void *context, void *buffer, size_t bytes);
    /* Moves to `offset` from the start. */
    bool (*seek)(void *context, uint32_t offset);
    void *context;
    uint32_t size_bytes;
} wav_source_t;

typedef struct {
    wav_source_t source;
    uint32_t data_offset; /* of the first sample, bytes from the start */
    uint32_t samples;
    uint32_t sample_rate_hz;         /* that was asked for */
    uint32_t file_rate_hz;           /* that the file has; 0 before its header says it */
    char refusal[WAV_REFUSAL_BYTES]; /* see wav_refusal() */
} wav_reader_t;

/* Parses the header. On any other status than WAV_OK the reader must not be used. */
wav_status_t wav_open(wav_reader_t *reader, wav_source_t source, uint32_t sample_rate_hz);

/* Reads `samples` samples from `first` on; those behind the end are zero. */
wav_status_t wav_read(const wav_reader_t *reader, uint32_t first, int16_t *pcm, uint32_t samples);

/* Why wav_open() gave this status, for people, with the numbers at hand; valid as long as the
 * reader. */
const char *wav_refusal(wav_reader_t *reader, wav_status_t status);

/* What a status means, for people. */
const char *wav_status_text(wav_status_t status);

#endif
