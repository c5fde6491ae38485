"""Wrong answers to A2.6, written from the question alone."""

WRONG = [
    # Works on a copy of the encoder but with the decoder itself, whose .grad the backward pass changes.
    (
        "input edited in place",
        """
def encoder_gradient_norms(encoder, decoder, clip, target):
    import copy

    twin = copy.deepcopy(encoder)
    twin.zero_grad()
    flow, _ = decoder(twin(clip))
    loss = ((flow[:, :, :-1] - target) ** 2).mean()
    loss.backward()
    return {name: 0.0 if p.grad is None else p.grad.norm().item() for name, p in twin.named_parameters()}
""",
    ),
    # Leaves out of the dictionary the parameters that the loss does not reach.
    (
        "unreached parameters left out",
        """
def encoder_gradient_norms(encoder, decoder, clip, target):
    names, parameters = zip(*encoder.named_parameters())
    flow = decoder(encoder(clip))[0][:, :, :-1]
    loss = F.mse_loss(flow, target)
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    return {name: g.norm().item() for name, g in zip(names, gradients) if g is not None}
""",
    ),
    # Leaves out the first time step of the flow instead of the last.
    (
        "off by one frame",
        """
def encoder_gradient_norms(encoder, decoder, clip, target):
    names, parameters = zip(*encoder.named_parameters())
    flow = decoder(encoder(clip))[0][:, :, 1:]
    loss = F.mse_loss(flow, target)
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    return {name: 0.0 if g is None else g.norm().item() for name, g in zip(names, gradients)}
""",
    ),
    # Freezes the decoder to have gradients for the encoder only, and leaves it frozen.
    (
        "input edited in place",
        """
def encoder_gradient_norms(encoder, decoder, clip, target):
    for parameter in decoder.parameters():
        parameter.requires_grad_(False)
    names, parameters = zip(*encoder.named_parameters())
    flow, _ = decoder(encoder(clip))
    loss = (flow[:, :, :-1] - target).square().mean()
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    return {name: 0.0 if g is None else float(g.norm()) for name, g in zip(names, gradients)}
""",
    ),
    # Keeps the old gradients by reference and puts them back, but backward has added to these very tensors;
    # the lengths hold the old gradients too.
    (
        "earlier gradients added and not restored",
        """
def encoder_gradient_norms(encoder, decoder, clip, target):
    modules = [*encoder.parameters(), *decoder.parameters()]
    before = [p.grad for p in modules]
    flow, _ = decoder(encoder(clip))
    loss = F.mse_loss(flow[:, :, :-1], target)
    loss.backward()
    norms = {name: 0.0 if p.grad is None else p.grad.norm().item() for name, p in encoder.named_parameters()}
    for p, grad in zip(modules, before):
        p.grad = grad
    return norms
""",
    ),
]
