// The models, which the assembler reads from their files: LARGE and LIGHT are the paths.
#include "plugins/forms.h"

#define GLOBAL(symbol) ".hidden " symbol "\n.globl " symbol "\n" symbol ":\n"
#define EMBED(symbol, path)                                                 \
  asm(".pushsection .rodata\n.balign 64\n" GLOBAL(symbol) ".incbin \"" path \
                                                          "\"\n" GLOBAL(symbol "_end") ".popsection\n")

EMBED("linnet_large", LARGE);
EMBED("linnet_light", LIGHT);
