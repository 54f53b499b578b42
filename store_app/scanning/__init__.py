"""Raw reads from a camera, a picked picture or a scanner that types. No screens in here, and no meaning.

`decoder.decode` finds codes in a picture (call it in a worker thread), `camera.CameraLoop` says how to look at each
frame and which reads are new, `wedge.Wedge` puts typed keys together into scans. What a read means is
`shared.barcodes.read`.
"""
