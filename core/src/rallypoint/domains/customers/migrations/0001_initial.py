from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='Customer',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36)),
                ('account_id', fields.CharField(max_length=36)),
                ('mode', fields.CharField(max_length=8)),
                ('name', fields.CharField(default='', max_length=200)),
                ('email', fields.CharField(default='', max_length=254)),
                ('email_key', fields.CharField(null=True, max_length=254)),
                ('phone', fields.CharField(default='', max_length=40)),
                ('phone_key', fields.CharField(null=True, max_length=40)),
                ('created_at', fields.BigIntField()),
                ('updated_at', fields.BigIntField()),
            ],
            options={'table': 'customers', 'app': 'customers', 'indexes': [Index(fields=['account_id', 'mode', 'email_key']), Index(fields=['account_id', 'mode', 'phone_key'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
    ]
