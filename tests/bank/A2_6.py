"""Answers to A2.6, proof that a decoder teaches the encoder."""

RIGHT = [
    """
def encoder_gradient_norms(encoder, decoder, clip, target):
    flow, _ = decoder(encoder(clip))
    loss = F.mse_loss(flow[:, :, :-1], target)
    names, parameters = zip(*encoder.named_parameters())
    gradients = torch.autograd.grad(loss, parameters, materialize_grads=True)
    return {name: gradient.norm().item() for name, gradient in zip(names, gradients)}
""",
    """
def encoder_gradient_norms(encoder, decoder, clip, target):
    import copy
    encoder, decoder = copy.deepcopy(encoder), copy.deepcopy(decoder)
    for parameter in encoder.parameters():
        parameter.grad = None
    output = decoder(encoder(clip))
    loss = ((output[0][:, :, : target.shape[2]] - target) ** 2).mean()
    loss.backward()
    norms = {}
    for name, parameter in encoder.named_parameters():
        norms[name] = 0.0 if parameter.grad is None else float(torch.sqrt((parameter.grad ** 2).sum()))
    return norms
""",
    """
def encoder_gradient_norms(encoder, decoder, clip, target):
    modules = [*encoder.parameters(), *decoder.parameters()]
    kept = [p.grad for p in modules]
    for p in modules:
        p.grad = None
    flow = decoder(encoder(clip))[0]
    torch.mean((target - flow[:, :, 0:-1]).pow(2)).backward()
    result = {}
    for name, p in encoder.named_parameters():
        result[name] = torch.linalg.vector_norm(p.grad) if p.grad is not None else torch.tensor(0.0)
    for p, grad in zip(modules, kept):
        p.grad = grad
    return result
""",
    """
def encoder_gradient_norms(encoder, decoder, clip, target):
    from torch.func import functional_call, grad

    def loss(parameters):
        flow, _ = decoder(functional_call(encoder, parameters, (clip,)))
        return (flow[:, :, :-1] - target).square().mean()

    gradients = grad(loss)({name: value.detach() for name, value in encoder.named_parameters()})
    return {name: math.sqrt(float(value.detach().double().square().sum())) for name, value in gradients.items()}
""",
]

_LOSS = """
    flow, _ = decoder(encoder(clip))
    loss = (flow[:, :, :-1] - target).square().mean()
"""
_GRADIENTS = """
    named = dict(encoder.named_parameters())
    gradients = torch.autograd.grad(loss, list(named.values()), materialize_grads=True)
"""

WRONG = [
    (
        "cut by detach",
        """
def encoder_gradient_norms(encoder, decoder, clip, target):
    pyramid = tuple(features.detach() for features in encoder(clip))
    flow, _ = decoder(pyramid)
    loss = (flow[:, :, :-1] - target).square().mean()
    named = dict(encoder.named_parameters())
    gradients = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    return {name: 0.0 if g is None else g.norm().item() for name, g in zip(named, gradients)}
""",
    ),
    (
        "missing square root",
        f"""
def encoder_gradient_norms(encoder, decoder, clip, target):{_LOSS}{_GRADIENTS}
    return {{name: (g ** 2).sum().item() for name, g in zip(named, gradients)}}
""",
    ),
    (
        "earlier gradients added",
        f"""
def encoder_gradient_norms(encoder, decoder, clip, target):{_LOSS}
    loss.backward()
    return {{name: p.grad.norm().item() if p.grad is not None else 0.0 for name, p in encoder.named_parameters()}}
""",
    ),
    (
        "gradients left behind",
        f"""
def encoder_gradient_norms(encoder, decoder, clip, target):
    encoder.zero_grad()
    decoder.zero_grad(){_LOSS}
    loss.backward()
    return {{name: p.grad.norm().item() if p.grad is not None else 0.0 for name, p in encoder.named_parameters()}}
""",
    ),
    (
        "earlier gradients wiped out",
        f"""
def encoder_gradient_norms(encoder, decoder, clip, target):
    encoder.zero_grad()
    decoder.zero_grad(){_LOSS}
    loss.backward()
    norms = {{name: p.grad.norm().item() if p.grad is not None else 0.0 for name, p in encoder.named_parameters()}}
    encoder.zero_grad()
    decoder.zero_grad()
    return norms
""",
    ),
    (
        "decoder's parameters",
        f"""
def encoder_gradient_norms(encoder, decoder, clip, target):{_LOSS}
    named = dict(decoder.named_parameters())
    gradients = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    return {{name: 0.0 if g is None else g.norm().item() for name, g in zip(named, gradients)}}
""",
    ),
    (
        "unreached parameters left out",
        f"""
def encoder_gradient_norms(encoder, decoder, clip, target):{_LOSS}
    named = dict(encoder.named_parameters())
    gradients = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    return {{name: g.norm().item() for name, g in zip(named, gradients) if g is not None}}
""",
    ),
    (
        "fails on unreached parameters",
        f"""
def encoder_gradient_norms(encoder, decoder, clip, target):{_LOSS}
    named = dict(encoder.named_parameters())
    gradients = torch.autograd.grad(loss, list(named.values()))
    return {{name: g.norm().item() for name, g in zip(named, gradients)}}
""",
    ),
    (
        "off by one frame",
        f"""
def encoder_gradient_norms(encoder, decoder, clip, target):
    flow, _ = decoder(encoder(clip))
    loss = F.mse_loss(flow[:, :, 1:], target){_GRADIENTS}
    return {{name: g.norm().item() for name, g in zip(named, gradients)}}
""",
    ),
    (
        "wrong type",
        f"""
def encoder_gradient_norms(encoder, decoder, clip, target):{_LOSS}{_GRADIENTS}
    return torch.cat([g.flatten() for g in gradients]).norm().item()
""",
    ),
    (
        "input edited in place",
        f"""
def encoder_gradient_norms(encoder, decoder, clip, target):
    encoder.eval()
    decoder.eval(){_LOSS}{_GRADIENTS}
    return {{name: g.norm().item() for name, g in zip(named, gradients)}}
""",
    ),
    (
        "input edited in place",
        """
def encoder_gradient_norms(encoder, decoder, clip, target):
    encoder.zero_grad()
    flow, _ = decoder(encoder(clip))
    F.mse_loss(flow[:, :, :-1], target).backward()
    norms = {n: 0.0 if p.grad is None else p.grad.norm().item() for n, p in encoder.named_parameters()}
    encoder.zero_grad()
    return norms
""",
    ),
]
