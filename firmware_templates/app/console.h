/* Text output without stdio: what the board can send, and the few formats needed. */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stddef.h>
#include <stdint.h>

/* Sends bytes to whoever reads along. The board provides it; it returns when all are on their way.
 */
void console_write(const char *text, size_t length);

/* A zero-terminated text as it is. */
void console_text(const char *text);

/* A zero-terminated text as a JSON string: one line whatever it holds. */
void console_quoted(const char *text);

void console_unsigned(uint32_t value);

/* Eight hexadecimal digits after 0x. */
void console_hex(uint32_t value);

/* A float with `decimals` (at most 9) digits behind the point, rounded to nearest; magnitudes
 * beyond 4e9 come out as that. Not-a-number is written as nan. */
void console_fixed(float value, uint32_t decimals);

#endif
