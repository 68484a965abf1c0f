#include "kernels/activation.h"

#include <string.h>

const struct mt_activation mt_activations[] = {
#define ROW(X, name, saves_output)                                             \
    { #name, saves_output, offsetof(struct mt_kernels, name),                  \
      offsetof(struct mt_kernels, name##_grad) },
    MT_ACTIVATIONS(ROW, )
#undef ROW
};

const size_t mt_activation_count =
    sizeof mt_activations / sizeof *mt_activations;

const struct mt_activation *mt_activation_find(const char *name)
{
    for (size_t i = 0; i < mt_activation_count; i++) {
        if (strcmp(mt_activations[i].name, name) == 0)
            return &mt_activations[i];
    }
    return NULL;
}

bool mt_is_relu(const struct mt_activation *a)
{
    return a->forward == offsetof(struct mt_kernels, relu);
}

mt_unary *mt_activation_forward(const struct mt_activation *a)
{
    mt_unary *kernel;

    memcpy(&kernel, (const char *)mt_kernels() + a->forward, sizeof kernel);
    return kernel;
}

mt_unary_grad *mt_activation_backward(const struct mt_activation *a)
{
    mt_unary_grad *kernel;

    memcpy(&kernel, (const char *)mt_kernels() + a->backward, sizeof kernel);
    return kernel;
}
