/* Whether the flash holds the weights this program was built for. */
#ifndef WEIGHTS_H
#define WEIGHTS_H

#include <stddef.h>

/* NULL, or why not. A wrong address, other weights and a flash that is read too fast all show here;
 * the network itself would only give wrong results. */
const char *weights_check(void);

#endif
