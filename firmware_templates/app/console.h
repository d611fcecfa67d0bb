/* Text output without stdio: the formats that the program needs, on top of what the board can send.
 */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stddef.h>
#include <stdint.h>

/* Sends bytes to the reader. The board provides this function. It returns when all bytes have been
 * handed to the hardware. */
void console_write(const char *text, size_t length);

/* Writes a zero-terminated text without changes. */
void console_text(const char *text);

/* Writes a zero-terminated text as a JSON string, which is one line whatever the text contains. */
void console_quoted(const char *text);

void console_unsigned(uint32_t value);

void console_unsigned64(uint64_t value);

/* Writes 0x and eight hexadecimal digits. */
void console_hex(uint32_t value);

/* Writes a float with `decimals` digits after the point (at most 9), rounded to nearest. Magnitudes
 * above 4e9 are written as 4e9, and not-a-number as nan. */
void console_fixed(float value, uint32_t decimals);

/* Writes a fraction with 24 bits after the point, with nine digits: enough to tell every value from
 * the next one. Integers decide each digit. */
void console_fraction24(uint32_t value);

#endif
