from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='Lease',
            fields=[
                ('name', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=200)),
                ('owner', fields.CharField(max_length=64)),
                ('fence', fields.BigIntField()),
                ('expires_at', fields.BigIntField()),
                ('wanted', fields.SmallIntField(db_default=0)),
            ],
            options={'table': 'leases', 'app': 'storage', 'pk_attr': 'name'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Process',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36)),
                ('kind', fields.CharField(max_length=16)),
                ('pid', fields.IntField()),
                ('host', fields.CharField(max_length=255)),
                ('started_at', fields.BigIntField()),
                ('seen_at', fields.BigIntField()),
            ],
            options={'table': 'processes', 'app': 'storage', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='StoredValue',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=300)),
                ('plugin', fields.CharField(db_index=True, max_length=64)),
                ('connection_id', fields.CharField(default='', db_index=True, max_length=36)),
                ('key', fields.CharField(max_length=128)),
                ('value', fields.TextField(unique=False)),
                ('updated_at', fields.BigIntField()),
            ],
            options={'table': 'stored_values', 'app': 'storage', 'pk_attr': 'id'},
            bases=['Model'],
        ),
    ]
